"""The size that an image file declares, held against the limit before its pixels are decoded."""

import resource
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest

from zoo.errors import DataError, Place
from zoo.formats import datum, image_file

PIXELS = np.zeros((5, 7, 3), np.uint8)
PNG_SIZE = 16  # where width and height stand
BITMAP_SIZE = 18


def file(end, options=()):
    return cv2.imencode(end, PIXELS, list(options))[1].tobytes()


def jpeg(height=5, width=7, options=()):
    """A JPEG whose header declares another size than it has."""
    data = bytearray(file(".jpg", options))
    at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def png(height=5, width=7):
    data = bytearray(file(".png"))
    data[PNG_SIZE : PNG_SIZE + 8] = struct.pack(">II", width, height)
    data[PNG_SIZE + 13 : PNG_SIZE + 17] = struct.pack(">I", zlib.crc32(data[PNG_SIZE - 4 : PNG_SIZE + 13]))
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        jpeg(),
        jpeg(options=[cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
        jpeg()[:2] + b"\xff\xfe\0\x0a\xff\xc0\0\x11\x08\0\1\0" + jpeg()[2:],  # a comment that looks like a header
        jpeg()[:20] + b"garbage\xff\0\xff\xff" + jpeg()[20:],  # bytes between markers, and fill bytes
        png(),
    ],
)
def test_declared_size(data):
    assert image_file.declared_size(data) == (5, 7)
    assert cv2.imdecode(np.frombuffer(data, np.uint8), 1).shape[:2] == (5, 7)


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff", jpeg()[:100], png()[:20], file(".bmp")])
def test_no_size(data):
    assert image_file.declared_size(data) is None


@pytest.mark.parametrize("data", [jpeg(30000, 30000), png(30000, 30000), png(2**31 - 1, 2**31 - 1)])
@pytest.mark.parametrize("force", [None, "color", "gray"])
def test_a_bomb_is_refused_before_it_is_decoded(data, force):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(
        DataError, match=r"a.jpg: an image of \d+ x \d+ \(H x W\), got \d+ pixels, want at most 134217728"
    ):
        datum.decode(data, force, Place("a.jpg"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KB


def test_the_limit_can_be_raised_and_lowered(monkeypatch):
    monkeypatch.setenv("ZOO_MAX_IMAGE_PIXELS", "35")
    assert datum.decode(jpeg()).shape == (5, 7, 3)
    monkeypatch.setenv("ZOO_MAX_IMAGE_PIXELS", "34")
    with pytest.raises(DataError, match=r"got 35 pixels, want at most 34 \(--max_image_pixels=N raises it"):
        datum.decode(jpeg())


def test_opencv_keeps_the_limit_of_other_files():
    """In a process of its own: OpenCV reads its limit once, on being loaded."""
    data = bytearray(file(".bmp"))
    data[BITMAP_SIZE : BITMAP_SIZE + 8] = struct.pack("<ii", 20000, 20000)
    program = f"from zoo.formats import datum; datum.decode(bytes.fromhex('{data.hex()}'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (
        "DataError: an image larger than the limit, want at most 134217728 pixels (--max_image_pixels=N" in done.stderr
    )


@pytest.mark.parametrize("length", [1, 2**31 - 1, 2**32 - 1])
def test_a_chunk_that_is_longer_than_the_file_is_refused_before_memory_is_taken(monkeypatch, length):
    monkeypatch.setattr(cv2, "imdecode", lambda *args: pytest.fail("decoded"))
    end = file(".png")[:-12]  # without IEND
    data = end + struct.pack(">I", length) + b"tEXt"
    with pytest.raises(DataError, match=rf"a chunk b'tEXt' of {length} bytes at byte {len(end)}, want at most 0 bytes"):
        datum.decode(data, at=Place("a.png"))


def test_what_follows_the_end_of_a_png_is_no_chunk():
    np.testing.assert_array_equal(datum.decode(file(".png") + b"\xff" * 20), PIXELS)


def test_a_file_larger_than_the_limit(tmp_path, monkeypatch):
    (tmp_path / "x.png").write_bytes(png())
    monkeypatch.setenv("ZOO_MAX_IMAGE_BYTES", "10")
    for at, said in ((None, "x.png: an image file"), (Place("list.txt", 3), "list.txt:3: an image file")):
        with pytest.raises(DataError, match=f"{said} that is too large, got .* want at most 10 .*--max_image_bytes"):
            image_file.read(tmp_path / "x.png", at)
    monkeypatch.setenv("ZOO_MAX_IMAGE_BYTES", str(len(png())))
    assert image_file.read(tmp_path / "x.png") == png()
