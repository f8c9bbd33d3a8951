"""The lengths that a TFRecord file states, held against its size before TensorFlow reads it.

TensorFlow believes a length whose checksum is right, takes memory for it, and ends the process where there is none.
"""

import functools
import os

from zoo.errors import DataError, Place
from zoo.formats import regular

HEADER, FRAMING = 12, 16  # bytes before a record (length, checksum), and around it with the checksum of its data
KEPT = 4096  # files whose count is remembered


def count(path, hint=None):
    """Returns how many records the TFRecord file at `path` has, by a walk over their headers.

    A file is walked once a process, unless it changes. Of large records only the headers are read.

    Raises:
        DataError: with `hint`, where it cannot be read or a record would end behind the end of the file.
    """
    try:
        status = os.stat(path)
        return _count(os.fspath(path), hint, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))
    except OSError as e:
        raise DataError("a shard cannot be read", at=Place(str(path)), got=str(e), hint=hint) from e


@functools.lru_cache(KEPT)
def _count(path, hint, identity):
    with regular.open_binary(path) as file:
        size = os.fstat(file.fileno()).st_size
        at = number = 0
        while at < size:
            header = file.read(HEADER)
            length = int.from_bytes(header[:8], "little")
            end = at + FRAMING + length
            if end > size:
                whole = len(header) == HEADER
                got = f"a record of {length} bytes at byte {at}" if whole else f"part of a record at byte {at}"
                want = f"records that end within the file's {size} bytes"
                raise DataError("a damaged shard", at=Place(path), got=got, want=want, hint=hint)
            file.seek(end)
            at, number = end, number + 1
    return number
