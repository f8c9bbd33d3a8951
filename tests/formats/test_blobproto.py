"""Single arrays and mean images against Caffe's own file and protobuf's reading."""

import os

import numpy as np
import pytest

from zoo.errors import DataError, WeightsError
from zoo.formats import blobproto, caffe_pb2, wire


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_the_mean_that_compute_image_mean_wrote(shared, tmp_path):
    path = shared / "golden/data/mean.binaryproto"
    want = caffe_pb2.BlobProto.FromString(path.read_bytes())
    mean = blobproto.read_mean(path)
    assert mean.shape == (want.channels, want.height, want.width)
    np.testing.assert_array_equal(mean.ravel(), np.float32(want.data), strict=True)
    blobproto.write_mean(tmp_path / "mean.binaryproto", mean)
    assert (tmp_path / "mean.binaryproto").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("shape", [(), (3,), (2, 5, 3), (1, 3, 2, 4), (0, 3)])
def test_array_to_message_and_back(shape, rng):
    values = rng.standard_normal(shape)
    message = blobproto.to_message(values)
    assert tuple(message.shape.dim) == shape
    assert list(message.data) == list(values.astype(np.float32).ravel())
    back = blobproto.from_message(message)
    assert not back.legacy
    np.testing.assert_array_equal(back.array, values.astype(np.float32), strict=True)


def test_strided_arrays_are_written_in_their_own_order(rng):
    values = rng.standard_normal((4, 3, 5), np.float32).transpose(2, 0, 1)[::2]
    np.testing.assert_array_equal(blobproto.from_message(blobproto.to_message(values)).array, values, strict=True)


def test_doubles_win_and_old_shapes_win():
    message = caffe_pb2.BlobProto(num=1, channels=1, height=2, width=3, data=range(6), double_data=range(6, 12))
    message.shape.dim.append(6)
    blob = blobproto.from_message(message)
    assert blob.legacy and blob.fits((2, 3)) and not blob.fits((6,))
    np.testing.assert_array_equal(blob.array, np.arange(6, 12, dtype=np.float32).reshape(1, 1, 2, 3), strict=True)


def test_a_double_beyond_float32_becomes_infinite():
    blob = blobproto.from_message(caffe_pb2.BlobProto(shape={"dim": [2]}, double_data=[1e300, -2.5]))
    assert blob.array.tolist() == [np.inf, -2.5]


@pytest.mark.parametrize(
    ("saved", "legacy", "shape", "fits"),
    [
        ((2, 3), False, (2, 3), True),
        ((2, 3), False, (3, 2), False),
        ((1, 1, 2, 3), False, (2, 3), False),
        ((1, 1, 2, 3), True, (2, 3), True),
        ((1, 1, 2, 3), True, (1, 1, 2, 3), True),
        ((2, 3, 1, 1), True, (2, 3), False),
        ((1, 1, 1, 1), True, (), True),
        ((1, 1, 1, 2), True, (1, 1, 1, 1, 2), False),
    ],
)
def test_which_shapes_fit(saved, legacy, shape, fits):
    assert blobproto.Blob(np.zeros(saved, np.float32), legacy).fits(shape) is fits


def test_a_shape_that_lies_is_refused():
    with pytest.raises(wire.WireError, match=r"a blob of shape \(2, 3\)"):
        blobproto.from_message(caffe_pb2.BlobProto(shape={"dim": [2, 3]}, data=range(5)))


def test_a_mean_of_rank_3_and_one_in_the_new_form(rng, tmp_path):
    mean = rng.standard_normal((3, 2, 5), np.float32)
    for shape in ((3, 2, 5), (1, 3, 2, 5)):
        (tmp_path / "m").write_bytes(blobproto.to_message(mean.reshape(shape)).SerializeToString())
        np.testing.assert_array_equal(blobproto.read_mean(tmp_path / "m"), mean, strict=True)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            blobproto.to_message(np.ones((2, 3, 4, 5))).SerializeToString(),
            r"not a mean image, got shape \(2, 3, 4, 5\)",
        ),
        (blobproto.to_message(np.ones(6)).SerializeToString(), r"not a mean image, got shape \(6,\)"),
        (blobproto.to_message(np.ones((3, 2, 5))).SerializeToString()[:-20], "cut short or damaged"),
        (b"", "is empty"),
        (b"\x93NUMPY\x01\x00", "NumPy .npy file"),
        (b"<html><body>", "web page"),
        (b"mean_value: 104\n", "text"),
        (caffe_pb2.NetParameter(layer=[{"name": "a"}]).SerializeToString(), "looks like a .caffemodel"),
    ],
)
def test_files_that_are_no_mean(data, says, tmp_path):
    (tmp_path / "m").write_bytes(data)
    with pytest.raises(DataError, match=says) as caught:
        blobproto.read_mean(tmp_path / "m")
    assert "\n" not in str(caught.value) and str(tmp_path / "m") in str(caught.value)


def test_the_caller_names_the_error_and_the_rank_is_checked_before_writing(tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        blobproto.read(tmp_path / "none", error=WeightsError)
    with pytest.raises(DataError, match=r"got shape \(2, 3\), want \(C, H, W\)"):
        blobproto.write_mean(tmp_path / "m", np.ones((2, 3)))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind, dtype", [(0, "<f8"), (1, "<f4"), (2, "<f2")])
def test_the_bytes_of_nvidias_caffe(kind, dtype):
    values = np.array([[1.5, -2, 0.25]], dtype)
    shape = b"\x3a\x04\x0a\x02\x01\x03"  # field 7: a BlobShape of 1 and 3
    raw = wire.put_tag(12, wire.LEN) + wire.put_varint(values.nbytes) + values.tobytes()
    kind = wire.put_tag(10, wire.VARINT) + wire.put_varint(kind)
    for data in (shape + kind + raw, raw + kind + shape):
        np.testing.assert_array_equal(blobproto.decode(data).array, values.astype(np.float32), strict=True)
    integers = wire.put_tag(10, wire.VARINT) + b"\x03"
    with pytest.raises(wire.WireError) as caught:
        blobproto.decode(shape + integers + raw)
    assert caught.value.hint == "field 12 may hold them in a way of some fork"
