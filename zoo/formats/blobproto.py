"""BlobProto: one array in Caffe's files, and the `.binaryproto` files that hold just one (mean images)."""

import math
from typing import NamedTuple

import numpy as np

from zoo.errors import DataError, Place
from zoo.formats import atomic, caffe_pb2, weightsfile, wire

MAX_AXES = 32  # blob.hpp:12
MAX_COUNT = 2**31 - 1  # blob.cpp:34
_RAW = {0: "<f8", 1: "<f4", 2: "<f2"}  # NVIDIA/caffe@caffe-0.17's Type of raw_data: DOUBLE, FLOAT, FLOAT16


class Blob(NamedTuple):
    """An array as a file gives it.

    Attributes:
        array: float32, read-only where it is a view of the file's bytes.
        legacy: True where the file has num/channels/height/width in place of a shape, so that the array has rank 4.
    """

    array: np.ndarray
    legacy: bool = False

    def fits(self, shape):
        """Whether a parameter of `shape` may take it: equal, or right-aligned equal if legacy (Blob::ShapeEquals)."""
        shape = tuple(shape)
        if self.legacy:
            return len(shape) <= 4 and (1,) * (4 - len(shape)) + shape == self.array.shape
        return shape == self.array.shape


def checked_shape(dims):
    """Returns `dims` as a tuple; raises WireError for what no blob of Caffe's can be (blob.cpp:23-36)."""
    if len(dims) > MAX_AXES:
        raise wire.WireError("a blob with too many axes", got=len(dims), want=f"at most {MAX_AXES}")
    if any(dim < 0 for dim in dims):
        raise wire.WireError("a blob with a negative dimension", got=tuple(dims))
    if math.prod(filter(None, dims)) > MAX_COUNT:  # next to a 0 no array takes what is larger either
        raise wire.WireError("a blob too large for Caffe", got=tuple(dims), want=f"at most {MAX_COUNT} values")
    return tuple(dims)


def decode(data, start=0, end=None):
    """Returns the `Blob` of the BlobProto in the bytes data[start:end], its array a view of them where it can be.

    The diff is passed over. Doubles, where there are any, win over floats (blob.cpp FromProto) and become float32.
    Where there are neither, the bytes that NVIDIA's Caffe writes count: raw_data, of the type raw_data_type.

    Raises:
        wire.WireError: damaged bytes, an impossible shape, or a shape whose product is not the number of values.
    """
    legacy, dims, floats, doubles, raw, raw_type, foreign = {}, [], [], [], None, 0, None
    for field in wire.scan(data, start, end):
        number, kind = field.number, field.wire
        if number <= 4 and kind == wire.VARINT:
            legacy[number] = _int32(field.value)
        elif number == 5 and kind in (wire.LEN, wire.FIXED32):
            floats.append(wire.numbers(data, field, "<f4"))
        elif number == 7 and kind == wire.LEN:
            dims += _dims(data, field)
        elif number == 8 and kind in (wire.LEN, wire.FIXED64):
            doubles.append(wire.numbers(data, field, "<f8"))
        elif number == 10 and kind == wire.VARINT:
            raw_type = field.value
        elif number == 12 and kind == wire.LEN:
            raw = foreign = field
        elif number > 9 and kind == wire.LEN:
            foreign = field
    shape = checked_shape([legacy.get(axis, 0) for axis in (1, 2, 3, 4)] if legacy else dims)
    chunks = doubles if any(map(len, doubles)) else floats
    if raw is not None and raw_type in _RAW and not any(map(len, chunks)):
        chunks = [wire.numbers(data, raw, _RAW[raw_type])]
    values = chunks[0] if len(chunks) == 1 else np.concatenate(chunks or [np.empty(0, np.float32)])
    if len(values) != math.prod(shape):
        hint = f"field {foreign.number} may hold them in a way of some fork" if foreign and not len(values) else None
        raise wire.WireError(
            f"a blob of shape {shape}", got=f"{len(values)} values", want=str(math.prod(shape)), hint=hint
        )
    with np.errstate(over="ignore"):  # a double beyond float32 becomes inf, as in C
        return Blob(values.astype(np.float32, copy=False).reshape(shape), bool(legacy))


def _int32(value):
    return (value & 0xFFFFFFFF) - ((value & 0x80000000) << 1)


def _dims(data, field):
    return [
        dim
        for inner in wire.scan(data, field.start, field.end)
        if inner.number == 1 and inner.wire in (wire.LEN, wire.VARINT)
        for dim in wire.integers(data, inner, MAX_AXES)
    ]


def encode(values, *, diff=None, legacy=False):
    """Returns the BlobProto of an array as buffers to be written one behind the other, its numbers not copied.

    Args:
        values: array of any shape; written as float32.
        diff: None, or an array of the same shape.
        legacy: for num/channels/height/width in place of a shape; the array must have rank 4.
    """
    dims = np.shape(values)
    head, tail = [], []
    if legacy:
        head = [wire.put_tag(axis, wire.VARINT) + wire.put_varint(dim) for axis, dim in enumerate(dims, 1)]
    elif dims:
        packed = b"".join(map(wire.put_varint, dims))
        inner = wire.put_tag(1, wire.LEN) + wire.put_varint(len(packed)) + packed
        tail = [wire.put_tag(7, wire.LEN) + wire.put_varint(len(inner)) + inner]
    chunks = head + _packed(5, values)
    return chunks + (_packed(6, diff) if diff is not None else []) + tail


def _packed(number, values):
    flat = np.asarray(values, dtype="<f4", order="C").reshape(-1).view(np.uint8)
    return [wire.put_tag(number, wire.LEN) + wire.put_varint(flat.size), flat] if flat.size else []


def read(path, *, error=DataError):
    """Returns the `Blob` in the binary file at `path`.

    Raises:
        error: missing, damaged, or something else.
    """
    data = weightsfile.load(path, error)
    try:
        return decode(data)
    except wire.WireError as cause:
        hint = weightsfile.what_is(data, weightsfile.ARRAY)
        if hint:
            raise error("not an array in Caffe's binary form", at=Place(str(path)), hint=hint) from cause
        raise cause.to(error, path) from cause


def read_mean(path):
    """Returns the mean image in a `.binaryproto`: float32, shape (C, H, W), read-only.

    Raises:
        DataError: as `read`, or an array that is no single image.
    """
    mean = read(path).array
    if mean.ndim == 4 and mean.shape[0] == 1:
        mean = mean[0]
    if mean.ndim != 3 or not mean.size:
        raise DataError("not a mean image", at=Place(str(path)), got=f"shape {mean.shape}", want="(1, C, H, W)")
    return mean


def write_mean(path, mean):
    """Writes the mean image `mean` of shape (C, H, W) as compute_image_mean does.

    Raises:
        DataError: another rank, or the file cannot be written.
    """
    if np.ndim(mean) != 3:
        raise DataError("not a mean image", at=Place(str(path)), got=f"shape {np.shape(mean)}", want="(C, H, W)")
    with atomic.replacing(path, DataError) as file:
        file.writelines(encode(np.asarray(mean)[np.newaxis], legacy=True))


def from_message(message):
    """Returns the `Blob` of a parsed BlobProto message; raises wire.WireError as `decode`."""
    return decode(message.SerializeToString())


def to_message(values):
    """Returns the parsed BlobProto message of an array."""
    return caffe_pb2.BlobProto.FromString(b"".join(bytes(chunk) for chunk in encode(values)))
