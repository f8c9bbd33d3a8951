"""IDX, the format of the original MNIST files: a big-endian magic number, the sizes, then bytes."""

import contextlib
import gzip
import math
import os
import zlib

import numpy as np

from zoo.errors import DataError, Place
from zoo.formats import limits, regular

IMAGES_MAGIC, LABELS_MAGIC = 2051, 2049  # 0x08 = unsigned byte, then the number of dimensions: 3 and 1


def read_idx_images(path):
    """Returns the images of an IDX file, plain or gzipped, as uint8 of shape (N, H, W); raises DataError."""
    return _read(path, IMAGES_MAGIC, 3)


def read_idx_labels(path, classes=10):
    """Returns the labels of an IDX file, plain or gzipped, as uint8 of shape (N,), each below `classes`."""
    labels = _read(path, LABELS_MAGIC, 1)
    if labels.max() >= classes:
        at = int(np.argmax(labels >= classes))
        raise DataError(f"label {at} is out of range", at=_at(path), got=int(labels[at]), want=f"0 to {classes - 1}")
    return labels


def _at(path):
    return Place(str(path))


def _read(path, magic, dimensions):
    try:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(regular.open_binary(path))
            stored = os.fstat(file.fileno()).st_size
            packed = file.peek(2)[:2] == b"\x1f\x8b"
            if packed:
                file = stack.enter_context(gzip.GzipFile(fileobj=file))
            shape = _shape(file.read(4 * (1 + dimensions)), magic, dimensions, path)
            size = math.prod(shape)
            if packed:
                limits.check_unpacked(size, stored, DataError, "an IDX file that unpacks to more", _at(path))
            data = file.read((size if packed else min(size, stored)) + 1)
    except (OSError, EOFError, zlib.error) as e:
        raise DataError("cannot read an IDX file", at=_at(path), got=str(e), hint="fetch the file again") from e
    if len(data) != size or not size:
        got = f"{len(data)} bytes" if len(data) <= size else "more"
        want = f"{size} bytes for the {' x '.join(map(str, shape))} that its header says, and more than 0"
        raise DataError("an IDX file of another length", at=_at(path), got=got, want=want)
    return np.frombuffer(data, np.uint8).reshape(shape)


def _shape(header, magic, dimensions, path):
    if len(header) != 4 * (1 + dimensions):
        raise DataError("not an IDX file of this kind", at=_at(path), got=f"{len(header)} bytes", want="a header")
    found, *shape = (int(n) for n in np.frombuffer(header, ">u4"))
    if found != magic:
        got, want = f"magic number {found}", f"magic number {magic}"
        raise DataError("not an IDX file of this kind", at=_at(path), got=got, want=want)
    return tuple(shape)
