"""Squares cut while decoding have the pixels of the whole image, whatever the file, and OpenCV's."""

import itertools

import cv2
import numpy as np
import pytest
import tensorflow as tf

from zoo.input.sources.jpeg import decode, decode_square
from zoo.input.transform import Window

SAMPLINGS = {"4:1:1": 0x411111, "4:2:0": 0x221111, "4:2:2": 0x211111, "4:4:0": 0x121111, "4:4:4": 0x111111}


def picture(height, width, seed=0):
    """Returns BGR uint8 (H, W, 3): colours that change fast, over a slope."""
    slope = np.add.outer(np.arange(height), 2 * np.arange(width))[..., None] * (1, 2, 3) % 200
    noise = np.random.default_rng(seed).integers(0, 56, (height, width, 3))
    return (slope + noise).astype(np.uint8)


def jpeg(image, sampling="4:2:0", **options):
    flags = {"progressive": cv2.IMWRITE_JPEG_PROGRESSIVE, "restart": cv2.IMWRITE_JPEG_RST_INTERVAL}
    pairs = [(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[sampling])] + [(flags[k], v) for k, v in options.items()]
    return cv2.imencode(".jpg", image, list(itertools.chain(*pairs)))[1].tobytes()


@tf.function(reduce_retracing=True)
def squares(data, places, side, channels):
    width = tf.io.extract_jpeg_shape(data)[1]

    def cut(place):
        as_it_is = decode_square(data, channels, width, Window(place[0], place[1], None), side)
        return tf.stack(
            [as_it_is, decode_square(data, channels, width, Window(place[0], place[1], place[2] > 0), side)]
        )

    return tf.map_fn(cut, places, fn_output_signature=tf.uint8)


def assert_squares(data, side, channels=3, count=25, seed=0):
    """Compares squares at the four corners and at random, mirrored or not, with the same parts of the whole."""
    whole = decode(tf.constant(data), channels).numpy()
    flag = cv2.IMREAD_COLOR if channels == 3 else cv2.IMREAD_GRAYSCALE
    opencv = cv2.imdecode(np.frombuffer(data, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    np.testing.assert_array_equal(whole, opencv.reshape(whole.shape))
    bottom, right = whole.shape[0] - side, whole.shape[1] - side
    places = np.random.default_rng(seed).integers(0, (bottom + 1, right + 1), (count, 2))
    places = np.concatenate([[(0, 0), (0, right), (bottom, 0), (bottom, right)], places])
    places = np.column_stack([places, np.arange(len(places)) % 2]).astype(np.int32)
    for (top, left, flip), found in zip(places, squares(tf.constant(data), places, side, channels).numpy()):
        want = whole[top : top + side, left : left + side]
        np.testing.assert_array_equal(found[0], want, f"at {top}, {left}")
        np.testing.assert_array_equal(found[1], want[:, ::-1] if flip else want, f"at {top}, {left}, {flip}")


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("options", [{}, {"progressive": 1}, {"restart": 3}], ids=str)
def test_every_form_of_jpeg(sampling, options):
    for height, width in ((61, 83), (64, 96), (33, 47)):
        assert_squares(jpeg(picture(height, width), sampling, **options), 31)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("side", [1, 2, 3, 5, 16, 33])
def test_every_size_of_square(side, sampling):
    assert_squares(jpeg(picture(33, 50), sampling), side)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_narrow_images(sampling):
    for width in range(1, 20):
        assert_squares(jpeg(picture(21, width), sampling), min(width, 2))


def test_gray():
    assert_squares(jpeg(picture(40, 57)), 19, channels=1)
    assert_squares(cv2.imencode(".jpg", picture(40, 57)[..., 0])[1].tobytes(), 19, channels=3)


def test_real_images(shared):
    paths = sorted((shared / "imagenet_sample").glob("*.JPEG"))
    if not paths:
        pytest.skip("needs ../shared/imagenet_sample")
    for path in paths[::9]:
        data = path.read_bytes()
        assert_squares(data, min(227, *tf.io.extract_jpeg_shape(data)[:2].numpy().tolist()), count=4)
