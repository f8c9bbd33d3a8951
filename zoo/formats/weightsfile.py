"""Whole files of weights and state: opened with care and recognised by content."""

import contextlib
import os
import stat

from zoo.errors import Place
from zoo.formats import regular, wire

_STARTS = (
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer; fetch the file itself with `git lfs pull`"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"\x93NUMPY", "a NumPy .npy file"),
)
WEIGHTS, STATE, ARRAY = "a .caffemodel", "a .solverstate", "one array, such as a mean image"
_PAGES = (b"<!doctype html", b"<html", b"<?xml")
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f"))


def load(path, error):
    """Returns the bytes of the regular file at `path`.

    Args:
        path: str or path.
        error: the ZooError class that is raised.

    Raises:
        error: missing, a directory, a device, not readable, or empty.
    """
    check(path, error)
    try:
        data = regular.read_bytes(path)
    except OSError as cause:
        raise error("cannot be read", at=Place(str(path)), got=cause.strerror) from cause
    except MemoryError:
        raise error("does not fit in memory", at=Place(str(path))) from None
    return data


def check(path, error):
    """Raises `error` (a ZooError class) unless a regular file that is not empty lies at `path`."""
    place = Place(str(path))
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise error("no such file", at=place) from None
    except (OSError, ValueError) as cause:
        raise error("cannot be read", at=place, got=getattr(cause, "strerror", None) or str(cause)) from cause
    if stat.S_ISDIR(status.st_mode):
        raise error("is a directory", at=place, want="a file")
    if not stat.S_ISREG(status.st_mode):
        raise error("is a device or pipe", at=place, want="a file")
    if not status.st_size:
        raise error("is empty", at=place)


def what_is(data, wanted):
    """Returns a clause that says what the bytes `data` look like, or None.

    Args:
        data: bytes that could not be read.
        wanted: the kind of message that they should have been: WEIGHTS, STATE or ARRAY.
    """
    for start, kind in _STARTS:
        if data.startswith(start):
            return f"this is {kind}"
    head = data[:4096]
    if head.lstrip().lower().startswith(_PAGES):
        return "this is a web page; download the file behind it"
    if head.translate(None, _CONTROL) == head:
        return "this is text, such as a prototxt"
    kind = _message_kind(data)
    return f"this looks like {kind}" if kind and kind != wanted else None


def _message_kind(data):
    found = set()
    with contextlib.suppress(wire.WireError):
        found.update((field.number, field.wire) for field in wire.scan(data))
    numbers = {number for number, kind in found if kind == wire.VARINT}
    bytes_ = {number for number, kind in found if kind == wire.LEN}
    if 5 in bytes_ and (1 in numbers or 7 in bytes_):
        return ARRAY
    if 1 in numbers and 3 in bytes_:
        return STATE
    return WEIGHTS if 100 in bytes_ or (2 in bytes_ and not numbers | bytes_ & {3, 4, 5, 7}) else None
