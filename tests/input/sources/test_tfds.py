"""Data layers on directories that TensorFlow Datasets prepared: pixels, labels and order, and what cannot be read."""

import cv2
import numpy as np
import pytest

from data_prep import mean_image
from data_prep.common import write_arrays
from data_prep.image_readers import open_source
from tests.input import tfds_folders
from tests.input.small_data import data_layer, pictures, take
from tests.training import runs
from zoo.errors import DataError
from zoo.formats import datum
from zoo.input.pipeline import DataLayer

SIZES = [(9, 13), (16, 11), (10, 10), (31, 12), (12, 9)]  # H x W


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    """The directory of MNIST's version: 23 digits to train in three files, 7 to test."""
    splits = {}
    for seed, (split, count) in enumerate((("train", 23), ("test", 7))):
        digits = pictures(count, 28, 28, 1, seed)
        splits[split] = [{"image": image, "label": i * 3 % 10} for i, image in enumerate(digits)]
    return tfds_folders.prepare(tmp_path_factory.mktemp("tfds"), "mnist", splits, shards=3)


@pytest.fixture(scope="module")
def cifar10(tmp_path_factory):
    examples = [{"id": f"x{i}", "image": p, "label": i % 5} for i, p in enumerate(pictures(11, 32, 32, 3))]
    return tfds_folders.prepare(tmp_path_factory.mktemp("tfds"), "cifar10", {"train": examples}, shards=2)


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """The directory of ImageNet's version, and {file name: bytes}: JPEG files of several sizes."""
    folder, files, examples = tmp_path_factory.mktemp("files"), {}, []
    for i, size in enumerate(SIZES):
        noise = cv2.resize(pictures(1, 5, 6, 3, i)[0], size[::-1])
        path = folder / f"n0_{i}.JPEG"
        path.write_bytes(cv2.imencode(".jpg", noise)[1].tobytes())
        files[path.name] = path.read_bytes()
        examples.append({"image": str(path), "label": i % 3, "file_name": path.name})
    splits = {"validation": examples}
    return tfds_folders.prepare(tmp_path_factory.mktemp("tfds"), "imagenet2012", splits), files


def layer(source, *args, phase="TEST", **kwargs):
    return DataLayer(data_layer(source, *args, **kwargs), phase)


def both(folder, split):
    """Returns (pixels, labels) as TFDS itself reads them."""
    found, _ = tfds_folders.read(folder, split)
    return np.stack([record["image"] for record in found]), np.array([record["label"] for record in found])


def test_mnist_in_its_order_and_round(mnist):
    images, labels = both(mnist, "train")
    assert labels.tolist() != [i * 3 % 10 for i in range(23)]  # TFDS shuffled
    feed = layer(f"{mnist}/train", 5)
    assert feed.count == 23 and feed.shapes == ((5, 1, 28, 28), (5,))
    for batch, (data, label) in enumerate(take(feed.dataset(), 7)):
        members = [(5 * batch + i) % 23 for i in range(5)]
        np.testing.assert_array_equal(data, images[members])
        np.testing.assert_array_equal(label, labels[members])


def test_a_run_goes_on_and_rows_are_shared_out(mnist):
    feed = layer(f"{mnist}/train", 6, transform="crop_size: 20 mirror: true", phase="TRAIN")
    whole = take(feed.dataset(), 8)
    for start in (1, 3, 6):
        for got, want in zip(take(feed.dataset(start), 2), whole[start:]):
            for a, b in zip(got, want):
                np.testing.assert_array_equal(a, b)
    for part in (0, 1):
        for got, want in zip(take(feed.rows(2, 1, (part, 2)), 3), whole[2:]):
            for a, b in zip(got, want):
                np.testing.assert_array_equal(a, b[part::2])


def test_colour_is_bgr_as_that_of_all_image_files(cifar10):
    images, labels = both(cifar10, "train")
    data, label = take(layer(cifar10, 11).dataset(), 1)[0]  # the folder's one split
    np.testing.assert_array_equal(data, images[..., ::-1])
    np.testing.assert_array_equal(label, labels)


def test_mean_image_is_that_of_the_data_layer(cifar10):
    mean, count = mean_image.mean_image(open_source(f"{cifar10}/train"))
    assert count == 11
    np.testing.assert_allclose(mean, both(cifar10, "train")[0][..., ::-1].mean(0))


def test_jpeg_files_decode_as_by_opencv(imagenet):
    folder, files = imagenet
    found, _ = tfds_folders.read(folder, "validation")
    want = [datum.decode(files[record["file_name"].decode()], "color") for record in found]
    data, label = take(layer(folder, 5, transform="crop_size: 8").dataset(), 1)[0]
    for pixels, image in zip(data, want):
        top, left = (image.shape[0] - 8) // 2, (image.shape[1] - 8) // 2
        np.testing.assert_array_equal(pixels, image[top : top + 8, left : left + 8])
    assert label.tolist() == [record["label"] for record in found]
    feed = layer(folder, 1)
    assert feed.shapes[0] == (1, 3, *want[0].shape[:2])
    for (data, _), image in zip(take(feed.dataset(), 5), want):
        np.testing.assert_array_equal(data[0], image)


def test_image_smaller_than_the_crop(imagenet):
    """TFDS does not say how small its images are, so that it shows when one is met."""
    folder, files = imagenet
    names = [record["file_name"].decode() for record in tfds_folders.read(folder, "validation")[0]]
    sizes = [SIZES[int(name[3])] for name in names]
    first = next(i for i, size in enumerate(sizes) if min(size) < 10)
    feed = layer(folder, 1, transform="crop_size: 10")
    height, width = sizes[first]
    want = (
        f"validation: record {first}: crop_size exceeds an image, got 10, want at most 9, as it is {height} x {width}"
    )
    with pytest.raises(DataError, match=want), feed.reading():
        take(feed.dataset(), 5)


def test_home_and_versions(mnist, monkeypatch):
    monkeypatch.setenv("HOME", str(mnist.parents[1]))
    assert layer("~/mnist/3.0.1/test", 2).count == 7
    with pytest.raises(DataError, match='directory without a split.*such as ".*mnist/3.0.1/train"'):
        layer("~/mnist", 2)
    with pytest.raises(DataError, match="several splits, got splits test, train"):
        layer(mnist, 2)
    with pytest.raises(DataError, match="3.0.1: no such split .*, got 'val', want one of: test, train"):
        layer(f"{mnist}/val", 2)


def test_lenet_trains_as_on_our_shards(mnist, tmp_path):
    """The same digits in the same order from both: the same losses and weights, to the bit."""
    text = (runs.ROOT / "configs" / "lenet.prototxt").read_text()
    for split in ("train", "test"):
        images, labels = both(mnist, split)
        write_arrays(tmp_path / "ours" / "mnist", split, images, labels, 2, "0123456789", "", {})
    changes = "max_iter: 4 display: 1 test_iter: 1 test_interval: 2 snapshot: 0"
    ours = runs.train(tmp_path / "a", tmp_path / "ours", text, changes)
    assert '"mnist/train"' in text and '"mnist/test"' in text
    theirs = runs.train(tmp_path / "b", tmp_path, text.replace('"mnist/', f'"{mnist}/'), changes)
    runs.same(runs.weights(ours), runs.weights(theirs))
