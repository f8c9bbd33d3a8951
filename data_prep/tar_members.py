"""The members of a tar archive, read where it stands and so strictly that none is passed over.

Python's tarfile takes a header that is damaged for the end of the archive. Here the end is what tar writes: two blocks
of zeros, and zeros as padding after them. What a header declares is held against the archive before it is believed.
"""

import tarfile

from zoo.errors import DataError, Place

BLOCK = 512
AT_ONCE = 1 << 20  # bytes that are read at a time: far more than names and the other text of a header need
HINT = "copy or download it again; a compressed one has to be uncompressed first"


class _Window:
    """`size` bytes of `stream` from `start`, as a file for tarfile, which wants nothing but headers of it."""

    def __init__(self, stream, start, size):
        self._stream, self._start, self._size, self._at = stream, start, size, 0

    def tell(self):
        return self._at

    def seek(self, at):
        if not 0 <= at <= self._size:
            raise tarfile.ReadError(f"a header that leads to byte {at} of {self._size}")
        self._at = at

    def read(self, size):
        if not 0 <= size <= AT_ONCE:
            raise tarfile.ReadError(f"a header of {size} bytes")
        self._stream.seek(self._start + self._at)
        data = self._stream.read(min(size, self._size - self._at))
        self._at += len(data)
        return data


def members(stream, start, size, name):
    """Yields every member (`tarfile.TarInfo`) of the archive in `size` bytes of the binary file `stream` from `start`.

    `offset_data` counts from `start`. Bytes of names that are not UTF-8 are surrogates in them.

    Args:
        stream, start, size: where it stands.
        name: of the archive, for messages.

    Raises:
        DataError: a damaged header, one that leads out of the archive, or anything but padding after the last member.
        OSError: `stream` cannot be read.
    """
    window, last = _Window(stream, start, size), -1
    archive = _said(name, tarfile.open, fileobj=window, mode="r:", encoding="utf-8", errors="surrogateescape")
    while member := _said(name, archive.next):
        archive.members = []  # else all headers of a million images stay in memory
        stored = member.size if member.isreg() else 0
        if member.offset <= last or stored < 0:
            raise DataError(
                "a damaged header", at=Place(f"{name}: {text(member.name)}"), got=f"size {stored}", hint=HINT
            )
        if member.offset_data + stored > size:
            got = f"{size} bytes, where {text(member.name)} ends at {member.offset_data + stored}"
            raise DataError("the archive is cut short", at=Place(name), got=got, hint=HINT)
        last = member.offset
        yield member
    _check_end(window, archive.offset, size, start, name)


def text(name):
    """Returns `name` with its bytes that are not UTF-8 as ``\\xe9``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _said(name, function, *args, **how):
    """Calls `function`, one of tarfile's, which raises of all kinds for damaged headers."""
    try:
        return function(*args, **how)
    except OSError:
        raise
    except Exception as e:
        got = str(e) if isinstance(e, tarfile.TarError) else f"{type(e).__name__}: {str(e)[:100]}"
        raise DataError("not a complete tar archive", at=Place(name), got=got, hint=HINT) from e


def _check_end(window, offset, size, start, name):
    at, want = offset, "a header, or two blocks of zeros and padding to the end"
    window.seek(offset)
    while data := window.read(AT_ONCE):
        rest = data.lstrip(b"\0")
        if rest:
            place = at + len(data) - len(rest)
            got = f"neither of them at byte {start + place // BLOCK * BLOCK}"
            raise DataError("the archive is damaged", at=Place(name), got=got, want=want, hint=HINT)
        at += len(data)
    if size - offset < 2 * BLOCK:
        got = f"an end at byte {start + size} without them"
        raise DataError("the archive is cut short", at=Place(name), got=got, want="two blocks of zeros", hint=HINT)
