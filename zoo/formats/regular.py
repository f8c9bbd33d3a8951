"""Opens files that a user named and that have to be files: a pipe would be waited for, a device never end."""

import contextlib
import errno
import json
import os
import stat

NO_FILE = "is a device, pipe or socket, not a file"


def check(path, status=None):
    """Raises OSError, and an IsADirectoryError for a directory, unless a regular file lies at `path`.

    Args:
        path: str or path.
        status: its os.stat, where that is known.
    """
    mode = (status or os.stat(path)).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, NO_FILE, os.fspath(path))


def open_binary(path):
    """Returns the regular file at `path`, open for reading bytes; raises OSError as `check` and open do."""
    check(path)  # before it is opened: of some devices that alone does something
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(path, "rb", opener=_without_waiting))
        check(path, os.fstat(file.fileno()))
        stack.pop_all()
    return file


def _without_waiting(path, flags):
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def read_bytes(path):
    """Returns the bytes of the regular file at `path`; raises OSError as `open_binary`."""
    with open_binary(path) as file:
        return file.read()


def read_text(path):
    """Returns the text of the regular file at `path`; raises OSError as `open_binary`, and UnicodeDecodeError."""
    return read_bytes(path).decode("utf-8")


def read_json(path):
    """Returns what the JSON in the regular file at `path` says; raises OSError as `open_binary`, and ValueError."""
    return parse_json(read_text(path))


def parse_json(text):
    """Returns what JSON `text` says; raises ValueError where it is none, or nested too deep for Python's reader."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
