"""Datum: raw, floats, encoded; what decodes, and what is said where nothing does."""

import cv2
import numpy as np
import pytest

from zoo.errors import DataError, Place
from zoo.formats import caffe_pb2, datum


def noise(height=5, width=7, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_pixels_there_and_back(channels, dtype):
    image = noise(channels=channels).astype(dtype) - (0 if dtype == np.uint8 else 99.5)
    message = datum.parse(datum.raw(image.astype(dtype), 3))
    assert (message.channels, message.height, message.width, message.label) == (channels, 5, 7, 3)
    got = datum.pixels(message)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, image)


def test_planes_lie_one_behind_the_other():
    image = noise()
    message = datum.parse(datum.raw(image, 0))
    assert message.data == image[:, :, 0].tobytes() + image[:, :, 1].tobytes() + image[:, :, 2].tobytes()


def test_bytes_win_over_floats():
    """As data_transformer.cpp:49 has it."""
    message = caffe_pb2.Datum(channels=1, height=1, width=2, data=b"\x01\xff", float_data=[5, 6])
    assert datum.pixels(message).ravel().tolist() == [1, 255]


@pytest.mark.parametrize("end", [".png", ".jpg", ".bmp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_encoded_in_its_own_channels_or_forced(end, channels):
    data = cv2.imencode(end, noise(20, 31, channels))[1].tobytes()
    message = datum.parse(datum.encoded(data, 4))
    assert message.encoded and message.label == 4 and not message.HasField("channels")
    flat = np.frombuffer(data, np.uint8)
    assert datum.pixels(message).shape == (20, 31, channels)
    np.testing.assert_array_equal(datum.pixels(message, "color"), cv2.imdecode(flat, cv2.IMREAD_COLOR))
    np.testing.assert_array_equal(datum.pixels(message, "gray")[..., 0], cv2.imdecode(flat, cv2.IMREAD_GRAYSCALE))


def test_transparency_is_a_channel_unless_forced():
    message = datum.parse(datum.encoded(cv2.imencode(".png", noise(channels=4))[1], 0))
    assert datum.pixels(message).shape == (5, 7, 4) and datum.pixels(message, "color").shape == (5, 7, 3)


@pytest.mark.parametrize(
    "message, force, said",
    [
        ({"channels": 3, "height": 2, "data": b"123456"}, None, r"without a size, got .* of \(3, 2, 0\)"),
        ({"channels": 3, "height": 2, "width": -1, "data": b"123456"}, None, "without a size"),
        ({"channels": 3, "height": 2, "width": 1, "data": b"12345"}, None, "damaged Datum, got 5 values, want 3 x 2 x"),
        ({"channels": 1, "height": 2, "width": 1, "float_data": [1.0]}, None, "damaged Datum, got 1 values"),
        ({"channels": 1, "height": 2, "width": 1}, None, "damaged Datum, got 0 values"),
        ({"channels": 1, "height": 1, "width": 1, "data": b"1"}, "color", "got force_color and 1 channels"),
        ({"channels": 3, "height": 1, "width": 1, "data": b"123"}, "gray", "remove force_gray"),
        ({"encoded": True}, None, "does not decode, got 0 bytes"),
        ({"encoded": True, "data": b"<html>"}, "gray", "does not decode, got 6 bytes b'<html>'"),
    ],
)
def test_no_image(message, force, said):
    with pytest.raises(DataError, match=said) as caught:
        datum.pixels(caffe_pb2.Datum(**message), force, Place("db: record 3"))
    assert str(caught.value).startswith("db: record 3: ")


def test_sixteen_bits():
    data = cv2.imencode(".png", noise().astype(np.uint16) * 256)[1]
    message = datum.parse(datum.encoded(data, 0))
    with pytest.raises(DataError, match="not 8-bit, got uint16"):
        datum.pixels(message)
    assert datum.pixels(message, "color").dtype == np.uint8


def test_bytes_that_are_no_datum():
    with pytest.raises(DataError, match="db: a record that is no Datum, got 3 bytes"):
        datum.parse(b"\xff\xff\xff", Place("db"))
