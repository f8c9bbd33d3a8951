"""Mean images: real Caffe's, of every kind of source, exact where float32 sums are not."""

import pathlib
import subprocess
import sys

import cv2
import numpy as np
import pytest

from data_prep import mean_image
from data_prep.image_readers import open_source
from tests.input.small_data import pictures, write_files, write_raw
from zoo.errors import DataError
from zoo.formats import blobproto, datum
from zoo.formats.database_writer import DatabaseWriter

ROOT = pathlib.Path(__file__).resolve().parents[2]


def mean_of(source, root_folder="", **options):
    return mean_image.mean_image(open_source(str(source), root_folder), **options)


def write_database(path, images, backend="lmdb"):
    with DatabaseWriter(path, backend) as writer:
        for i, image in enumerate(images):
            writer.put(b"%08d" % i, datum.raw(image, i))
    return path


@pytest.mark.parametrize("name", ["raw_lmdb", "raw_leveldb"])
def test_compute_image_mean_of_caffe(shared, name):
    folder = shared / "golden" / "data"
    mean, number = mean_of(folder / name)
    want = blobproto.read_mean(folder / "mean.binaryproto")
    assert number == 12 and mean.transpose(2, 0, 1).shape == want.shape
    np.testing.assert_allclose(mean.transpose(2, 0, 1), want, rtol=2**-23)


def test_of_the_list_that_the_database_was_made_of(shared):
    folder = shared / "golden" / "data"
    mean, _ = mean_of(folder / "list.txt", f"{folder}/images/", resize=(64, 80))
    want = blobproto.read_mean(folder / "mean.binaryproto")
    np.testing.assert_allclose(mean.transpose(2, 0, 1), want, rtol=2**-23)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_source(tmp_path, channels):
    images = pictures(70, 5, 7, channels)
    files = [cv2.imencode(".png", image)[1].tobytes() for image in images]
    if channels == 3:
        write_files(tmp_path / "encoded", files, [(5, 7)] * 70, encoding="png")
    sources = [
        write_raw(tmp_path / "raw", images, shards=(30, 40)),
        write_database(tmp_path / "lmdb", images),
        write_database(tmp_path / "leveldb", images, "leveldb"),
        *([tmp_path / "encoded" / "train"] if channels == 3 else []),
    ]
    for source in sources:
        mean, number = mean_of(source)
        assert number == 70
        np.testing.assert_allclose(mean, images.mean(0), rtol=1e-15)


def test_gray(tmp_path):
    images = pictures(3, 5, 7, 3)
    want = np.mean([cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in images], 0)
    mean, _ = mean_of(write_raw(tmp_path, images), gray=True)
    np.testing.assert_allclose(mean[..., 0], want)


def test_floats_and_sums_beyond_float32(tmp_path):
    images = np.full((9, 2, 3, 1), 2**24 + 2, np.float32)
    images[0] = 1
    mean, _ = mean_of(write_database(tmp_path / "db", images))
    assert (mean == (8 * (2**24 + 2) + 1) / 9).all()
    total = np.float32(0)
    for image in images:
        total += image[0, 0, 0]
    assert float(total) != 8 * (2**24 + 2) + 1


def test_forms(tmp_path):
    mean = np.random.default_rng(0).random((4, 6, 3)) * 255
    for name in ("m.binaryproto", "m.npy", "m.png"):
        mean_image.write(tmp_path / name, mean)
    planes = mean.transpose(2, 0, 1).astype(np.float32)
    np.testing.assert_array_equal(blobproto.read_mean(tmp_path / "m.binaryproto"), planes)
    np.testing.assert_array_equal(np.load(tmp_path / "m.npy"), planes)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "m.png")), np.rint(mean))
    mean_image.write(tmp_path / "rgb.png", mean, "RGB")
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "rgb.png")), np.rint(mean)[..., ::-1])
    assert blobproto.read(tmp_path / "m.binaryproto").legacy


def test_forms_that_cannot_be(tmp_path):
    with pytest.raises(DataError, match="m.jpg: no form of a mean image, want an ending of .binaryproto, .npy, .png"):
        mean_image.write(tmp_path / "m.jpg", np.zeros((2, 3, 3)))
    with pytest.raises(DataError, match="m.png: a mean that is no image, got 5 channels"):
        mean_image.write(tmp_path / "m.png", np.zeros((2, 3, 5)))
    with pytest.raises(DataError, match="cannot be written"):
        mean_image.write(tmp_path / "gone" / "m.npy", np.zeros((2, 3, 5)))


def test_unlike_sizes(tmp_path):
    path = write_database(tmp_path / "db", [*pictures(3, 5, 7, 3), *pictures(1, 7, 5, 3)])
    with pytest.raises(DataError, match=r"record 3: an image of another size, got 7 x 5 x 3 .H x W x C., want 5 x 7"):
        mean_of(path)
    assert mean_of(path, resize=(4, 4))[0].shape == (4, 4, 3)


@pytest.mark.parametrize("name", ["gone", "folder"])
def test_nothing_to_read(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=f"{name}: nothing that holds images, want a list"):
        mean_of(tmp_path / name)


def command(*arguments):
    line = [sys.executable, "-m", "data_prep.mean_image", *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True)


def test_command(tmp_path):
    images = pictures(6, 5, 7, 3)
    prefix = write_raw(tmp_path, images)
    done = command(f"--source={prefix}", f"--output={tmp_path}/m.binaryproto,{tmp_path}/m.npy")
    assert done.returncode == 0, done.stderr
    assert "6 images of 5 x 7 x 3 (H x W x C)" in done.stdout
    for channel in range(3):
        assert f"mean_value channel [{channel}]: {images[..., channel].mean():.6g}" in done.stdout
    np.testing.assert_array_equal(np.load(tmp_path / "m.npy"), blobproto.read_mean(tmp_path / "m.binaryproto"))
    failed = command(f"--source={prefix}", "--resize_width=5")
    assert failed.returncode == 1 and "Traceback" not in failed.stderr
    assert "error: --resize_height and --resize_width go together, got 0 and 5" in failed.stderr


@pytest.mark.parametrize("module, output", [("mean_image", "mean.npy"), ("databases", "db")])
def test_a_shard_exchanged_for_another_of_the_same_size(tmp_path, module, output):
    """The command ends and writes nothing."""
    source = write_raw(tmp_path, pictures(40, 5, 7, 3), shards=(20, 20))
    write_raw(tmp_path / "other", pictures(40, 5, 7, 3, seed=1), shards=(20, 20))
    (tmp_path / "other/train-00001-of-00002.tfrecord").rename(tmp_path / "train-00001-of-00002.tfrecord")
    command = [sys.executable, "-m", f"data_prep.{module}", f"--source={source}", f"--output={tmp_path / output}"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    said = f"error: {tmp_path}/train-00001-of-00002.tfrecord: a damaged or exchanged shard, got SHA-256"
    assert process.returncode == 1 and process.stderr.splitlines()[-1].startswith(said), process.stderr
    assert not (tmp_path / output).exists()
