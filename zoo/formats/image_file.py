"""Image files -> pixels by OpenCV, once their size and the one that their header declares were held against limits."""

import os
import struct

import numpy as np

from zoo.errors import DataError, Place
from zoo.formats import regular
from zoo.formats.limits import IMAGE_BYTES, IMAGE_PIXELS

_PNG = b"\x89PNG\r\n\x1a\n"
_OPENCV = "OPENCV_IO_MAX_IMAGE_PIXELS"  # read once, when OpenCV is loaded
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # a JPEG's SOF markers
_BARE = frozenset([0x00, 0x01, *range(0xD0, 0xD9)])  # what no length follows: a stuffed byte, TEM, RSTn, SOI
_SCAN, _END = 0xDA, 0xD9


def read(path, at=None):
    """Returns the bytes of the image file at `path`.

    Raises:
        OSError: as `regular.open_binary`.
        DataError: it has more than `IMAGE_BYTES`; placed at `at`, by default at the file.
    """
    with regular.open_binary(path) as file:
        size = os.fstat(file.fileno()).st_size
        IMAGE_BYTES.check(size, DataError, "an image file that is too large", at or Place(os.fspath(path)))
        return file.read(size)


def declared_size(data):
    """Returns (H, W) as the header of a JPEG or PNG file's bytes says it; None for what is neither or has none."""
    if data[:2] == b"\xff\xd8":
        return _jpeg_size(data)
    if data[:8] == _PNG and data[12:16] == b"IHDR" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return height, width
    return None


def _jpeg_size(data):
    at = 2
    while (at := data.find(b"\xff", at)) >= 0:  # a decoder looks for the next marker as well
        while at < len(data) and data[at] == 0xFF:
            at += 1
        marker = data[at] if at < len(data) else _END
        at += 1
        if marker in (_SCAN, _END):
            break
        if marker in _BARE:
            continue
        if marker in _FRAMES and at + 7 <= len(data):
            return struct.unpack(">HH", data[at + 3 : at + 7])
        at += max(int.from_bytes(data[at : at + 2], "big"), 2)
    return None


def check_size(data, at=None):
    """Raises DataError, placed at `at`, where the header of a JPEG or PNG file declares more than `IMAGE_PIXELS`."""
    size = declared_size(data)
    if size:
        height, width = size
        IMAGE_PIXELS.check(height * width, DataError, f"an image of {height} x {width} (H x W)", at)


def check_chunks(data, at=None):
    """Raises DataError, placed at `at`, where a chunk of a PNG file is longer than what is left of the file.

    OpenCV takes the memory of the whole chunk, up to 2 GB, before it finds that out and gives the file up.
    """
    if data[:8] != _PNG:
        return
    start = 8
    while start + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, start)
        left = len(data) - start - 8
        if length > left:
            got = f"a chunk {bytes(name)!r} of {length} bytes at byte {start}"
            raise DataError("a damaged PNG image", at=at, got=got, want=f"at most {left} bytes, as the file ends there")
        if name == b"IEND":
            return
        start += 12 + length


def opencv():
    """Returns the module cv2, which on being loaded here first takes `IMAGE_PIXELS` for its own limit."""
    os.environ.setdefault(_OPENCV, str(IMAGE_PIXELS.value))
    import cv2

    return cv2


def decode(data, flag, at=None):
    """Returns the pixels of the bytes `data` of an image file, as cv2.imdecode gives them for `flag`.

    Raises:
        DataError: it does not decode, has a chunk that is longer than the file, or is larger than `IMAGE_PIXELS`. Of
            other files than JPEG and PNG OpenCV itself sees to that, by the limit that held when it was loaded.
    """
    check_size(data, at)
    check_chunks(data, at)
    cv2 = opencv()
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flag) if len(data) else None
    except cv2.error as e:
        got = " ".join(str(e).split())[:200]
        if "MAX_IMAGE_" in str(e):
            want = f"at most {os.environ[_OPENCV]} pixels"
            raise DataError("an image larger than the limit", at=at, want=want, hint=IMAGE_PIXELS.hint) from e
        raise DataError("an image that does not decode", at=at, got=got) from e
    if image is None:
        raise DataError("an image that does not decode", at=at, got=f"{len(data)} bytes {bytes(data[:8])!r}...")
    return image
