"""Whether the blocks of LevelDB's tables lie within their files; its library takes the memory that a table declares.

The last bytes of a table say where its index lies, and have no checksum; the index says where each block lies. With one
wrong bit there the library asks for up to 2^64 bytes, and the process ends. Layout: LevelDB's doc/table_format.md.
"""

import os

from zoo.formats import regular

ENDS = (".ldb", ".sst")  # of the names of tables
_FOOTER = 48  # bytes: two handles, zeros, the magic number
_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_TRAILER = 5  # bytes behind each block: its compression and its checksum
_SNAPPY = 1  # the compression, where there is one
_LARGEST = 64 << 20  # bytes of an index, unpacked: a table of some MB has one of some kB


class Damaged(ValueError):
    """A table that is none; says why."""


def check(path):
    """Checks the table in the file at `path`; raises `Damaged`, and OSError where it cannot be read."""
    with regular.open_binary(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size < _FOOTER:
            raise Damaged(f"a table of {size} bytes")
        file.seek(size - _FOOTER)
        footer = file.read(_FOOTER)
        if footer[-8:] != _MAGIC:
            raise Damaged("a table without its magic number")
        numbers = _numbers(footer, 0, 4)
        for offset, length in (numbers[:2], numbers[2:]):
            _check_handle(offset, length, size)
        file.seek(numbers[2])
        block = file.read(numbers[3] + 1)
    index = _unpacked(block[:-1]) if block[-1] == _SNAPPY else block[:-1]
    for offset, length in _handles(index):
        _check_handle(offset, length, size)


def _check_handle(offset, length, size):
    if offset + length + _TRAILER > size - _FOOTER:
        raise Damaged(f"a block of {length} bytes at {offset} in a table of {size}")


def _handles(index):
    """Yields (offset, length) of each block that the bytes of an index name."""
    restarts = int.from_bytes(index[-4:], "little")
    end = len(index) - 4 - 4 * restarts
    if len(index) < 4 or end < 0:
        raise Damaged("an index that is cut short")
    place = 0
    while place < end:
        (_, new, value), place = _take(index, place, 3)
        place += new
        if place + value > end:
            raise Damaged("an index that is cut short")
        yield _numbers(index[place : place + value], 0, 2)
        place += value


def _numbers(data, place, count):
    return _take(data, place, count)[0]


def _take(data, place, count):
    """Returns (`count` numbers in base 128, low digits first, the place behind them)."""
    found = []
    for _ in range(count):
        number = shift = 0
        while True:
            if place >= len(data) or shift > 63:
                raise Damaged("a number without an end")
            byte = data[place]
            number |= (byte & 127) << shift
            place, shift = place + 1, shift + 7
            if byte < 128:
                break
        found.append(number)
    return found, place


def _unpacked(data):
    """Returns what Snappy packed (google/snappy's format_description.txt)."""
    (size,), place = _take(data, 0, 1)
    if size > _LARGEST:
        raise Damaged(f"an index of {size} bytes")
    made = bytearray()
    while place < len(data) and len(made) <= size:
        tag, place = data[place], place + 1
        if tag & 3 == 0:
            length, more = tag >> 2, max(0, (tag >> 2) - 59)
            if more:
                length = int.from_bytes(data[place : place + more], "little")
            place += more
            made += data[place : place + length + 1]
            place += length + 1
            continue
        more = (0, 1, 2, 4)[tag & 3]
        length = (tag >> 2 & 7) + 4 if more == 1 else (tag >> 2) + 1
        back = int.from_bytes(data[place : place + more], "little") | (tag >> 5 << 8 if more == 1 else 0)
        place += more
        if not 0 < back <= len(made):
            raise Damaged("an index that cannot be unpacked")
        piece = made[-back:][:length]
        made += (piece * (length // len(piece) + 1))[:length]
    if len(made) != size:
        raise Damaged("an index that cannot be unpacked")
    return bytes(made)
