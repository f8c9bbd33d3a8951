"""TensorFlow Datasets opens what the commands write: its splits, names, labels, and pixels in their colours."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
import tensorflow as tf

from data_prep import cifar10, imagenet, images, mnist
from data_prep.databases import convert
from data_prep.image_readers import open_source
from data_prep.image_transforms import ImageTransform
from tests.data_prep.test_cifar10 import batch, unpacked
from tests.data_prep.test_mnist import idx, nowhere  # noqa: F401
from tests.input import tfds_folders
from tests.input.small_data import data_layer, pictures, take
from zoo.errors import DataError
from zoo.formats import class_names, datum
from zoo.formats.database_writer import DatabaseWriter
from zoo.input.pipeline import DataLayer

NAMES = {"tfds": ("image", "label"), "model_garden": ("image/encoded", "image/class/label")}


def fed(prefix, count):
    """Returns what a Data layer gives of the first `count` records."""
    return take(DataLayer(data_layer(prefix, batch_size=count), "TEST").dataset(), 1)[0]


@pytest.mark.parametrize("names", NAMES)
def test_mnist(tmp_path, idx, names):  # noqa: F811
    mnist.prepare(tmp_path / "mnist", idx_dir=idx, shards=4, feature_names=names)
    for split, count in (("train", 23), ("test", 11)):
        data, labels = fed(tmp_path / "mnist" / split, count)
        found, info = tfds_folders.read(tmp_path / "mnist", split, as_supervised=True)
        assert info.name == "mnist" and info.splits[split].num_examples == len(found) == count
        np.testing.assert_array_equal(np.stack([image for image, _ in found]), data)
        assert [label for _, label in found] == labels.tolist()
        label = info.features[NAMES[names][1]]
        assert label.num_classes == 10 and label.int2str(7) == "7"
    with pytest.raises(DataError, match=f"made with --feature_names={names}, want other"):
        mnist.prepare(tmp_path / "mnist", feature_names="other")


def test_cifar10(tmp_path):
    """Red, green, blue for both: Caffe's nets for CIFAR-10 take it so."""
    unpacked(tmp_path / "source", "binary")
    cifar10.prepare(tmp_path / "cifar10", tmp_path / "source", shards=2)
    rows, want = batch(0)
    found, info = tfds_folders.read(tmp_path / "cifar10", "train", as_supervised=True)
    for (image, label), planes, number in zip(found, rows, want, strict=False):
        np.testing.assert_array_equal(image, planes.reshape(3, 32, 32).transpose(1, 2, 0))
        assert label == number
    data, _ = fed(tmp_path / "cifar10" / "train", 3)
    np.testing.assert_array_equal(data, [image for image, _ in found[:3]])
    assert info.features["label"].names == list(class_names.CIFAR10)
    assert set(info.splits) == {"train", "test"}


@pytest.fixture
def folder(tmp_path):
    """Nine JPEG files of three classes and of unlike sizes."""
    target = tmp_path / "pictures"
    target.mkdir()
    for i in range(9):
        noise = cv2.resize(pictures(1, 4, 5, 3, i)[0], (20 + i, 17 + 2 * i))
        cv2.imwrite(str(target / f"n0000000{i % 3}_p{i}.JPEG"), noise)
    return target


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("encoding, resize", [("jpeg", None), ("jpeg", 8), ("png", (7, 11)), ("raw", (7, 11))])
def test_imagenet(tmp_path, folder, encoding, resize, names):
    files = images.listing(folder)
    classes = sorted({file.class_name for file in files})
    for split, some in (("train", files[:6]), ("val", files[6:])):
        options = imagenet.Options(2, resize, encoding, names=names)
        imagenet.write_split(tmp_path / "imagenet", split, some, classes, options, "again")
    found, info = tfds_folders.read(tmp_path / "imagenet", "train")
    pixels, label = NAMES[names]
    pixels = "image/raw" if (names, encoding) == ("model_garden", "raw") else pixels
    name = {"tfds": "file_name", "model_garden": "image/filename"}[names]
    assert info.supervised_keys == (pixels, label) and info.features[label].names == classes
    assert {split: found.num_examples for split, found in info.splits.items()} == {"train": 6, "val": 3}
    for record, file in zip(found, files, strict=False):
        assert record[name].decode() == file.name and classes[record[label]] == file.class_name
        if resize == 8:
            assert min(record[pixels].shape[:2]) == 8
        elif resize:
            want = cv2.resize(cv2.imread(str(file.path)), resize[::-1])
            np.testing.assert_array_equal(record[pixels], want[..., ::-1])
        else:  # the file's own bytes, decoded as TFDS decodes them
            np.testing.assert_array_equal(record[pixels], tf.io.decode_image(file.bytes()))
        if names == "model_garden":
            assert [record[f"image/{n}"] for n in ("height", "width", "channels")] == list(record[pixels].shape)
            assert record["image/class/synset"].decode() == file.class_name


@pytest.mark.parametrize("encode", [None, "png"])
def test_databases(tmp_path, encode):
    """Raw pixels of a database are taken for BGR, as convert_imageset writes them."""
    data = pictures(5, 6, 9, 3)
    with DatabaseWriter(tmp_path / "db", "lmdb") as writer:
        for i, image in enumerate(data):
            writer.put(b"%08d_x" % i, datum.raw(image, i % 2))
    prefix = tmp_path / "mine" / "train"
    convert(prefix, "records", open_source(str(tmp_path / "db")), ImageTransform(encode=encode), shards=2)
    found, info = tfds_folders.read(prefix.parent, "train", as_supervised=True)
    np.testing.assert_array_equal([image for image, _ in found], data[..., ::-1])
    assert [label for _, label in found] == [0, 1, 0, 1, 0] and info.features["label"].names == ["0", "1"]
    np.testing.assert_array_equal(fed(prefix, 5)[0], data)
    names = [record["file_name"] for record in tfds_folders.read(prefix.parent, "train")[0]]
    assert names == [b"%08d_x" % i for i in range(5)]


def test_files_that_hold_red_for_blue_are_not_described(tmp_path, caplog):
    unpacked(tmp_path / "source", "binary")
    cifar10.prepare(tmp_path / "cifar10", tmp_path / "source", shards=1)
    convert(tmp_path / "a" / "test", "records", open_source(f"{tmp_path}/cifar10/test"), ImageTransform(encode="png"))
    assert "the files of test hold red where blue belongs" in caplog.text
    assert not (tmp_path / "a" / "features.json").exists()


def test_from_tfds_into_a_database(tmp_path):
    examples = [{"id": "x", "image": image, "label": i} for i, image in enumerate(pictures(3, 32, 32, 3))]
    made = tfds_folders.prepare(tmp_path, "cifar10", {"train": examples})
    convert(tmp_path / "db", "lmdb", open_source(f"{made}/train"), ImageTransform())
    for got, want in zip(fed(tmp_path / "db", 3), fed(made / "train", 3), strict=True):
        np.testing.assert_array_equal(got, want)


def test_training_does_not_import_tfds():
    """Its start is not to wait for it; reading our splits needs none of it."""
    code = "import sys, zoo.train, zoo.input.pipeline, data_prep.mnist; sys.exit('tensorflow_datasets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=mnist.ROOT).returncode == 0
