"""IDX, the format of the original MNIST files: a big-endian magic number, the sizes, then bytes."""

import gzip
import pathlib
import zlib

import numpy as np

from zoo.errors import DataError, Place

IMAGES_MAGIC, LABELS_MAGIC = 2051, 2049  # 0x08 = unsigned byte, then the number of dimensions: 3 and 1


def read_idx_images(path):
    """Returns the pictures of an IDX file, plain or gzipped, as uint8 of shape (N, H, W); raises DataError."""
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
    path = pathlib.Path(path)
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as e:
        raise DataError("cannot read an IDX file", at=_at(path), got=str(e), hint="fetch the file again") from e
    header = np.frombuffer(data[: 4 * (1 + dimensions)], ">u4") if len(data) >= 4 * (1 + dimensions) else None
    if header is None or header[0] != magic:
        got = f"magic number {int.from_bytes(data[:4], 'big')}" if header is not None else f"{len(data)} bytes"
        raise DataError("not an IDX file of this kind", at=_at(path), got=got, want=f"magic number {magic}")
    shape = tuple(int(n) for n in header[1:])
    body = len(data) - header.nbytes
    size = int(np.prod(shape, dtype=object))
    if body != size or not size:
        want = f"{size} for the {' x '.join(map(str, shape))} that its header says, and more than 0"
        raise DataError("an IDX file of another length", at=_at(path), got=f"{body} bytes", want=want)
    return np.frombuffer(data, np.uint8, offset=header.nbytes).reshape(shape)
