"""Datum, the record of Caffe's databases: its bytes <-> pixels and label.

Pixels are arrays (H, W, C), gray or BGR as OpenCV has them; a Datum holds them as (C, H, W) bytes, as a JPEG or PNG
file, or as floats.
"""

import numpy as np
from google.protobuf.message import DecodeError

from zoo.errors import DataError
from zoo.formats import caffe_pb2, image_file

CHANNELS = {"color": 3, "gray": 1}


def parse(value, at=None):
    """Returns the Datum message in the bytes `value`; raises DataError, placed at `at`, where it is none."""
    try:
        return caffe_pb2.Datum.FromString(value)
    except DecodeError as e:
        raise DataError("a record that is no Datum", at=at, got=f"{len(value)} bytes that do not parse") from e


def pixels(datum, force=None, at=None):
    """Returns the pixels of a Datum: uint8 (H, W, C), or float32 where it holds floats.

    Args:
        datum: the message.
        force: "color" or "gray" to decode to 3 or 1 channels; None for as many as the file has (io.cpp:165-220).
        at: the `Place` that an error names.

    Raises:
        DataError: it does not decode, holds no 8-bit image, or has another number of values than its size says;
            or pixels that are not encoded have another number of channels than `force` asks for.
    """
    if datum.encoded:
        return decode(datum.data, force, at)
    shape = datum.channels, datum.height, datum.width
    if min(shape) < 1:
        raise DataError("a Datum without a size", at=at, got=f"channels, height, width of {shape}")
    values = np.frombuffer(datum.data, np.uint8) if datum.data else np.array(datum.float_data, np.float32)
    if values.size != np.prod(shape, dtype=np.int64):
        want = f"{shape[0]} x {shape[1]} x {shape[2]}"
        raise DataError("a damaged Datum", at=at, got=f"{values.size} values", want=want)
    if CHANNELS.get(force, shape[0]) != shape[0]:
        got = f"force_{force} and {shape[0]} channels"
        raise DataError("pixels that are not encoded stay what they are", at=at, got=got, hint=f"remove force_{force}")
    return interleave(values.reshape(shape))


def interleave(planes):
    """Returns `planes` (C, H, W), uint8 or float32, as pixels (H, W, C)."""
    if planes.shape[0] in (2, 3, 4):
        import cv2

        return cv2.merge(list(planes))  # many times as fast as NumPy's transpose and copy
    return planes.transpose(1, 2, 0)


def decode(data, force=None, at=None):
    """Returns uint8 (H, W, C) pixels of the bytes of an image file, as OpenCV decodes them; see `pixels`.

    Marks that ask to turn an image are ignored, as by the OpenCV of Caffe's day.
    """
    cv2 = image_file.opencv()
    flags = {"color": cv2.IMREAD_COLOR, "gray": cv2.IMREAD_GRAYSCALE}
    flag = flags[force] | cv2.IMREAD_IGNORE_ORIENTATION if force else cv2.IMREAD_UNCHANGED
    image = image_file.decode(data, flag, at)
    if image.dtype != np.uint8:
        raise DataError("an image that is not 8-bit", at=at, got=str(image.dtype), hint="force_color makes it 8-bit")
    return image if image.ndim == 3 else image[..., None]


def resize(image, size, nearest=False):
    """Returns uint8 or float32 `image` (H, W, C) brought to `size` (H, W) by OpenCV's bilinear rule, as Caffe does.

    With `nearest` no values are mixed, as SegNet wants it of labels.
    """
    import cv2

    if tuple(size) == image.shape[:2]:
        return image
    rule = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    resized = cv2.resize(np.ascontiguousarray(image), (size[1], size[0]), interpolation=rule)
    return resized.reshape(*size, image.shape[2])


def raw(image, label):
    """Returns the bytes of a Datum of the pixels `image`, uint8 or float32 (H, W, C), not encoded."""
    height, width, channels = image.shape
    planes = image.transpose(2, 0, 1)
    if image.dtype == np.uint8:
        content = {"data": planes.tobytes(), "encoded": False}  # said even so, as io.cpp:219 does
    else:
        content = {"float_data": planes.ravel().tolist()}
    size = {"channels": channels, "height": height, "width": width}
    return caffe_pb2.Datum(**size, **content, label=label).SerializeToString()


def encoded(data, label):
    """Returns the bytes of a Datum of the image file `data`. As in Caffe its size is not written (io.cpp:144-163)."""
    return caffe_pb2.Datum(data=bytes(data), label=label, encoded=True).SerializeToString()
