"""The transform against real Caffe's batches, and its random numbers against their definition."""

import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.input.small_data import data_layer, layer, pictures, transform_of
from zoo.errors import DataError, NetError
from zoo.formats import caffe_pb2
from zoo.input.mean_file import mean_image
from zoo.input.transform import Transform, draw, stream_key
from zoo.layers import lookup

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ["lmdb_crop", "lmdb_crop_mean_file", "lmdb_mean_file", "lmdb_mean_value", "lmdb_mean_values"]


def both(transform, images, first=0):
    """Returns what `batch` gives after checking that `one` gives the same."""
    batch = tf.function(transform.batch)(tf.constant(images), tf.constant(first, tf.int64)).numpy()
    spec = tf.TensorSpec((None, None, images.shape[3]), images.dtype)
    one = tf.function(transform.one, input_signature=[spec, tf.TensorSpec((), tf.int64)])
    singly = np.stack([one(image, first + i).numpy() for i, image in enumerate(images)])
    np.testing.assert_array_equal(batch, singly)
    assert batch.dtype == np.float32
    return batch


@pytest.mark.parametrize("case", GOLDEN)
def test_as_caffe(shared, case):
    folder = shared / "golden" / "data"
    golden, plain = np.load(folder / f"{case}.npz"), np.load(folder / "lmdb_plain.npz")
    pixels = np.concatenate([plain[f"batch{i}/data"] for i in range(3)])[:12]  # the database's 12 records
    images = pixels.transpose(0, 2, 3, 1).astype(np.uint8)
    text = re.search(r"layer \{(.*)\}", str(golden["prototxt"]))[1]
    transform = transform_of(layer(text, folder / "net.prototxt"), "TEST")
    size = transform.check(3, images.shape[1:3], images.shape[1:3])
    got = both(transform, images).transpose(0, 3, 1, 2)
    want = np.concatenate([golden[f"batch{i}/data"] for i in range(3)])
    assert got.shape == want.shape and got.shape[2:] == size
    np.testing.assert_array_equal(got, want)


def test_every_step_in_its_order():
    """A crop at random, a mean image and a mirror, one record at a time as in data_transformer.cpp:79-136."""
    images = pictures(40, 7, 9, 3)
    mean = np.random.default_rng(1).normal(100, 50, (7, 9, 3)).astype(np.float32)
    transform = Transform(scale=-0.3, mirror=True, crop_size=5, random_crop=True, mean=mean, key=99)
    got, first = both(transform, images, first=17), 17
    tops, lefts, flips = set(), set(), set()
    for i, image in enumerate(images):
        numbers = draw(99, first + i, 1)[0].numpy().astype(object)
        top, left, flip = numbers[0] * 3 >> 32, numbers[1] * 5 >> 32, numbers[2] & 1
        want = (image.astype(np.float32) - mean)[top : top + 5, left : left + 5] * np.float32(-0.3)
        np.testing.assert_array_equal(got[i], want[:, ::-1] if flip else want)
        tops.add(top), lefts.add(left), flips.add(flip)
    assert tops == {0, 1, 2} and lefts == {0, 1, 2, 3, 4} and flips == {0, 1}


def test_test_phase_mirrors_but_crops_in_the_middle():
    images = pictures(30, 8, 11, 1)
    got = both(Transform(mirror=True, crop_size=5, key=3), images)
    middle = images[:, 1:6, 3:8].astype(np.float32)  # (8 - 5) // 2 = 1, (11 - 5) // 2 = 3
    flips = [bool(draw(3, i, 1)[0, 2].numpy() & 1) for i in range(30)]
    assert 0 < sum(flips) < 30
    for i, flip in enumerate(flips):
        np.testing.assert_array_equal(got[i], middle[i, :, ::-1] if flip else middle[i])


def test_crop_of_the_whole_image():
    images = pictures(3, 6, 6, 2)
    np.testing.assert_array_equal(both(Transform(crop_size=6, random_crop=True), images), images)


def test_float_pixels():
    images = np.random.default_rng(2).normal(size=(3, 4, 5, 4)).astype(np.float32)
    got = both(Transform(scale=2, mean=np.array([0.5], np.float32)), images)
    np.testing.assert_array_equal(got, (images - np.float32(0.5)) * np.float32(2))


def test_draws_are_a_function_of_the_ordinal():
    whole = draw(5, 0, 3000).numpy()
    for first, count in ((0, 1), (1, 1), (5, 3), (1023, 2), (2900, 100)):
        np.testing.assert_array_equal(draw(5, first, count), whole[first : first + count])
    assert not (draw(6, 0, 10).numpy() == whole[:10]).any()
    far = 2**40
    np.testing.assert_array_equal(draw(5, far, 4)[1:], draw(5, far + 1, 3))
    # Even over the range: the mean of 3000 numbers lies within 5 standard errors of the middle.
    assert np.abs(whole / 2.0**32 - 0.5).mean(0) == pytest.approx(0.25, abs=5 * 0.144 / 3000**0.5)


def test_keys_tell_layers_phases_and_seeds_apart():
    asked = [(1, "TRAIN", "a"), (2, "TRAIN", "a"), (1, "TEST", "a"), (1, "TRAIN", "b")]
    keys = [transform_of(data_layer("x", name=name), phase, seed).key for seed, phase, name in asked]
    assert len(set(keys)) == 4 and all(0 <= key < 2**64 for key in keys)
    assert keys[0] == transform_of(data_layer("x", name="a"), "TRAIN", 1).key


def test_keys_are_the_same_in_every_process():
    """A run that is continued is another process: were the key to change, so would every crop and mirror."""
    code = "from zoo.input.transform import stream_key; print(stream_key(7, 'TRAIN', 'd'))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert int(out) == stream_key(7, "TRAIN", "d")


def read(layer):
    """Returns the layer's `LayerType`, which has read its fields."""
    return lookup(layer)(layer)


@pytest.mark.parametrize(
    "text, said",
    [
        ('mean_file: "mean.binaryproto" mean_value: 3', "mean_file and mean_value exclude each other"),
        ("force_color: true force_gray: true", "force_color and force_gray exclude each other"),
    ],
)
def test_contradictions(text, said):
    with pytest.raises(NetError, match=said) as caught:
        read(data_layer("x", transform=text))
    assert 'layer "d"' in str(caught.value)


def test_forced_colours():
    for text, want in (("force_color: true", "color"), ("force_gray: true", "gray"), ("force_gray: false", None)):
        assert read(data_layer("x", transform=text)).spec.transform.force == want


@pytest.mark.parametrize(
    "transform, shape, smallest, said",
    [
        (Transform(crop_size=7), (6, 9), (6, 9), "crop_size exceeds the images, got 7, want at most 6"),
        (Transform(crop_size=10), (12, 9), (12, 9), "want at most 9"),
        (Transform(crop_size=7), None, (9, 5), "at most 5.*--resize"),
        (Transform(), None, (9, 5), "several sizes do not make a batch"),
        (Transform(mean=np.zeros(2, np.float32)), (6, 9), (6, 9), "wrong number of mean_value, got 2, want 1 or 3"),
        (Transform(mean=np.zeros((6, 8, 3), np.float32)), (6, 9), (6, 9), r"got \(3, 6, 8\), want \(3, 6, 9\)"),
        (Transform(mean=np.zeros((6, 9, 1), np.float32)), (6, 9), (6, 9), r"got \(1, 6, 9\)"),
        (Transform(mean=np.zeros((6, 9, 3), np.float32), crop_size=5), None, (6, 9), "images of one size"),
    ],
)
def test_images_that_do_not_fit(transform, shape, smallest, said):
    with pytest.raises(DataError, match=said):
        transform.check(3, shape, smallest)


def blob(**fields):
    return caffe_pb2.BlobProto(**fields).SerializeToString()


def test_mean_file_by_shape_and_by_legacy_fields(tmp_path):
    values = np.arange(24, dtype=np.float32)
    legacy = blob(num=1, channels=2, height=3, width=4, data=values)
    shaped = blob(shape=caffe_pb2.BlobShape(dim=[1, 2, 3, 4]), data=values)
    for data in (legacy, shaped):
        (tmp_path / "m").write_bytes(data)
        np.testing.assert_array_equal(mean_image(tmp_path / "m"), values.reshape(2, 3, 4).transpose(1, 2, 0))


@pytest.mark.parametrize(
    "data",
    [
        b"not a blob at all",
        b"",
        blob(num=2, channels=1, height=2, width=2, data=np.zeros(8)),
        blob(num=1, channels=1, height=2, width=2, data=np.zeros(3)),
        blob(shape=caffe_pb2.BlobShape(dim=[3]), data=np.zeros(3)),
    ],
)
def test_damaged_mean_file(tmp_path, data):
    (tmp_path / "mean").write_bytes(data)
    with pytest.raises(DataError) as caught:
        mean_image(tmp_path / "mean")
    assert str(tmp_path / "mean") in str(caught.value)


def test_missing_mean_file_says_what_was_tried():
    with pytest.raises(DataError) as caught:
        transform_of(data_layer("x", transform='mean_file: "no/mean"'), "TRAIN", data_dir="data")
    text = str(caught.value)
    assert "data/no/mean" in text and "nets/no/mean" in text and 'layer "d"' in text
