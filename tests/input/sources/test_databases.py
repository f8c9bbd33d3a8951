"""LMDB and LevelDB of Datum as batches: order, start anywhere, pixels, sizes, errors."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tests.input.small_data import data_layer, pictures, take
from zoo.errors import DataError
from zoo.formats import datum
from zoo.formats.database_writer import DatabaseWriter
from zoo.input.pipeline import DataLayer
from zoo.input.sources.databases import DatabaseSource
from zoo.input.transform import Transform

BACKENDS = ["lmdb", "leveldb"]


def write(path, values, backend="lmdb"):
    with DatabaseWriter(path, backend) as writer:
        for i, value in enumerate(values):
            writer.put(b"%08d" % i, value)
    return path


def write_raw(path, images, backend="lmdb"):
    """Writes `images` as raw records, labels counting up."""
    return write(path, [datum.raw(image, i) for i, image in enumerate(images)], backend)


def png(image, label):
    return datum.encoded(cv2.imencode(".png", image)[1], label)


def fails(feed, batches=3, start=0):
    """Returns what is said when `feed` is read."""
    with pytest.raises(DataError) as caught, feed.reading():
        take(feed.dataset(start), batches)
    return str(caught.value)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_in_order_and_round_and_round(tmp_path, backend, dtype, channels):
    images = pictures(7, 4, 5, channels).astype(dtype)
    feed = DataLayer(data_layer(write_raw(tmp_path / "db", images, backend), transform="scale: 0.5"), "TRAIN")
    assert feed.shapes == ((4, channels, 4, 5), (4,)) and feed.count == 7
    for batch, (data, label) in enumerate(take(feed.dataset(), 6)):
        members = [(4 * batch + i) % 7 for i in range(4)]
        np.testing.assert_array_equal(data, images[members] * np.float32(0.5))
        np.testing.assert_array_equal(label, np.float32(members))


@pytest.mark.parametrize("transform", ["", "mirror: true", "crop_size: 3 mirror: true"])
@pytest.mark.parametrize("encoded", [False, True])
def test_starting_later_is_having_run(tmp_path, transform, encoded):
    images = pictures(70, 4, 5, 3)
    values = [(png if encoded else datum.raw)(image, i) for i, image in enumerate(images)]
    feed = DataLayer(data_layer(write(tmp_path / "db", values), batch_size=9, transform=transform), "TRAIN", seed=5)
    run = take(feed.dataset(), 12)
    for start in (1, 7, 8):
        for (data, label), (want, want_label) in zip(take(feed.dataset(start), 4), run[start:]):
            np.testing.assert_array_equal(data, want)
            np.testing.assert_array_equal(label, want_label)


def test_the_same_draws_as_from_shards(tmp_path):
    """A batch is cropped and mirrored alike from a database, raw or encoded, and at once or one by one."""
    images = pictures(9, 6, 8, 3)
    transform = Transform(mirror=True, crop_size=4, random_crop=True, mean=np.float32([1, 2, 3]), key=4)
    want = [transform.batch(tf.constant(images[[3 * i, 3 * i + 1, 3 * i + 2]]), tf.constant(3 * i)) for i in range(3)]
    for name, make in (("raw", datum.raw), ("png", png)):
        source = DatabaseSource(write(tmp_path / name, [make(image, 0) for image in images]))
        for (data, _), expected in zip(take(source.batches(0, 3, transform), 3), want):
            np.testing.assert_array_equal(data, expected)


def test_encoded_and_raw_may_mix(tmp_path):
    images = pictures(6, 4, 5, 3)
    for first in (0, 1):
        values = [(png if i % 2 == first else datum.raw)(image, i) for i, image in enumerate(images)]
        feed = DataLayer(data_layer(write(tmp_path / f"db{first}", values), batch_size=6), "TEST")
        np.testing.assert_array_equal(take(feed.dataset(), 1)[0][0], images)


@pytest.mark.parametrize("force, flag", [("color", cv2.IMREAD_COLOR), ("gray", cv2.IMREAD_GRAYSCALE)])
@pytest.mark.parametrize("channels", [1, 3])
def test_forced_channels(tmp_path, force, flag, channels):
    images = pictures(3, 12, 10, channels)
    files = [cv2.imencode(".jpg", image)[1] for image in images]
    path = write(tmp_path / "db", [datum.encoded(f, i) for i, f in enumerate(files)])
    feed = DataLayer(data_layer(path, batch_size=3, transform=f"force_{force}: true"), "TEST")
    want = np.stack([cv2.imdecode(f, flag).reshape(12, 10, -1) for f in files])
    np.testing.assert_array_equal(take(feed.dataset(), 1)[0][0], want)
    native = DataLayer(data_layer(path, batch_size=3), "TEST")
    assert native.shapes[0] == (3, channels, 12, 10)


def test_resized(tmp_path):
    images = pictures(2, 12, 10, 3)
    feed = DataLayer(data_layer(write_raw(tmp_path / "db", images), batch_size=2), "TEST", resize=(7, 9))
    want = np.stack([cv2.resize(image, (9, 7)) for image in images])
    np.testing.assert_array_equal(take(feed.dataset(), 1)[0][0], want)


def unlike(tmp_path, make=datum.raw):
    images = [pictures(1, 6 + i, 9 - i, 3, seed=i)[0] for i in range(3)]
    return images, write(tmp_path / "db", [make(image, i) for i, image in enumerate(images)])


@pytest.mark.parametrize("make", [datum.raw, png])
def test_unlike_sizes_one_at_a_time(tmp_path, make):
    images, path = unlike(tmp_path, make)
    feed = DataLayer(data_layer(path, batch_size=1, transform="mean_value: 2"), "TRAIN")
    assert feed.shapes[0] == (1, 3, 6, 9)
    for i, (data, _) in enumerate(take(feed.dataset(), 4)):
        np.testing.assert_array_equal(data[0], images[i % 3] - np.float32(2))


@pytest.mark.parametrize("make", [datum.raw, png])
def test_unlike_sizes_cropped(tmp_path, make):
    images, path = unlike(tmp_path, make)
    feed = DataLayer(data_layer(path, batch_size=3, transform="crop_size: 4"), "TEST")
    data, _ = take(feed.dataset(), 1)[0]
    for got, image in zip(data, images):
        top, left = (image.shape[0] - 4) // 2, (image.shape[1] - 4) // 2
        np.testing.assert_array_equal(got, image[top : top + 4, left : left + 4])


@pytest.mark.parametrize("make", [datum.raw, png])
def test_unlike_sizes_make_no_batch(tmp_path, make):
    _, path = unlike(tmp_path, make)
    said = fails(DataLayer(data_layer(path, batch_size=2), "TRAIN"))
    assert said == (
        f"{path}: record 1: images of several sizes, got (7, 8), want (6, 9)"
        " (set transform_param.crop_size, or batch_size: 1)"
    )


def test_crop_larger_than_the_images(tmp_path):
    sizes = [(6, 9), (7, 8), (9, 5), (8, 7)]
    path = write(tmp_path / "db", [datum.raw(pictures(1, *size, 3)[0], 0) for size in sizes])
    said = fails(DataLayer(data_layer(path, batch_size=2, transform="crop_size: 6"), "TRAIN"), start=1)
    assert said == f"{path}: record 2: crop_size exceeds the image, got 6, want at most 5"
    with pytest.raises(DataError, match="crop_size exceeds the images, got 7, want at most 6"):
        DataLayer(data_layer(path, transform="crop_size: 7"), "TRAIN")


@pytest.mark.parametrize("transform", ["", "crop_size: 2"])
def test_records_that_are_no_image(tmp_path, transform):
    good = [datum.raw(image, 0) for image in pictures(5, 4, 5, 3)]
    bad = {
        "garbage": (b"\xff" * 9, "a record that is no Datum"),
        "short": (good[0][:20], "a record that is no Datum"),
        "gray": (datum.raw(pictures(1, 4, 5, 1)[0], 0), "other channels, got 1 of uint8, want 3 of uint8"),
        "floats": (datum.raw(np.ones((4, 5, 3), np.float32), 0), "other channels, got 3 of float32"),
        "text": (datum.encoded(b"<html>", 0), "does not decode, got 6 bytes"),
    }
    for name, (value, said) in bad.items():
        path = write(tmp_path / name, [*good, value, *good])
        text = fails(DataLayer(data_layer(path, transform=transform), "TRAIN"), start=5)
        assert text.startswith(f"{path}: record 5: ") and said in text
        first = write(tmp_path / f"{name}1", [value, *good])
        if name not in ("gray", "floats"):
            with pytest.raises(DataError, match="record 0: "):
                DataLayer(data_layer(first, transform=transform), "TRAIN")


def test_errors_of_training_pass(tmp_path):
    feed = DataLayer(data_layer(write_raw(tmp_path / "db", pictures(3, 4, 5, 1))), "TRAIN")
    with pytest.raises(tf.errors.InvalidArgumentError), feed.reading():
        tf.reshape(tf.zeros(3), (2, 2))
