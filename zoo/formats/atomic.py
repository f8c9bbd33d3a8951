"""Files and directories that appear whole or not at all, brought to the disk; and the digest of what is there."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from zoo.errors import Place, ZooError
from zoo.formats import regular


def make_directory(path: str | os.PathLike[str], error: type[ZooError]) -> None:
    """Makes the directory `path`, and those above it, where it is not there.

    Args:
        path: str or path.
        error: the ZooError class that is raised where the operating system refuses.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as cause:
        raise error("cannot make the directory", at=Place(str(path)), got=cause.strerror) from cause


def check(
    path: str | os.PathLike[str], error: type[ZooError], *, makes_folder: bool = False, directory: bool = False
) -> None:
    """Raises `error` where nothing can be written under `path`; for before the work that its content takes.

    Args:
        path: str or path.
        error: the ZooError class that is raised.
        makes_folder: whether the directories above it are made where they are missing.
        directory: whether a directory may be there already.
    """
    path = Path(path)
    folder, at = path.resolve().parent, Place(str(path))
    while makes_folder and not os.path.lexists(folder):
        folder = folder.parent
    if not folder.is_dir():
        got = f"{folder}, which is no directory" if os.path.lexists(folder) else f"no directory {path.parent}"
        raise error("cannot be written", at=at, got=got)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise error("cannot be written", at=at, got=f"no right to write in {folder if makes_folder else path.parent}")
    if path.is_dir() and not directory:
        raise error("cannot be written", at=at, got="is a directory")


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], error: type[ZooError]) -> Iterator[BinaryIO]:
    """Gives a binary file, open for reading and writing, that takes the place of `path` when the block ends well.

    It is written under another name in the same directory, brought to the disk and renamed, so that under `path` lies
    the old file or the whole new one at any time, and after an error no trace of the new one.

    Args:
        path: str or path.
        error: the ZooError class that is raised where the operating system refuses (a full disk, a missing directory).
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "is a directory")
        with open(partial, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        sync_directory(path.parent)
    except BaseException as cause:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(cause, OSError):
            raise error("cannot be written", at=Place(str(path)), got=cause.strerror or str(cause)) from cause
        raise


@contextlib.contextmanager
def replacing_path(path, error, check_directory, refusals=()):
    """Gives a path in the same directory, with the same ending, for a file or directory to take the place of `path`.

    For writers that open files by themselves. When the block ends well, what was written there is brought to the disk
    and renamed; otherwise it is removed.

    Args:
        path: str or path.
        error: the ZooError class that is raised where the operating system refuses.
        check_directory: called with `path` before a directory takes its place; raises where it must not.
        refusals: exception classes of the writer's that mean the same as OSError.
    """
    path = Path(path)
    partial = path.with_name(f".{os.getpid()}.partial.{path.name}")
    at = Place(str(path))
    try:
        yield partial
        if partial.is_dir():
            check_directory(path)
            for file in partial.rglob("*"):
                if file.is_file():
                    sync(file)
            _swap(partial, path)
        else:
            if path.is_dir():
                raise error("cannot be written", at=at, got="a directory of that name")
            sync(partial)
            os.replace(partial, path)
        sync_directory(path.parent)
    except (OSError, *refusals) as cause:
        said = getattr(cause, "strerror", None) or getattr(cause, "message", None) or str(cause)
        raise error("cannot be written", at=at, got=said.strip().splitlines()[0]) from cause
    finally:
        _remove(partial)


def _swap(partial, path):
    aside = path.with_name(f".{os.getpid()}.old.{path.name}")
    if path.exists():
        os.rename(path, aside)
    try:
        os.rename(partial, path)
    except OSError:
        if aside.exists():
            os.rename(aside, path)
        raise
    _remove(aside)


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def sync(path: str | os.PathLike[str]) -> None:
    """Brings a file, or the names in a directory, to the disk; raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_directory(path: str | os.PathLike[str]) -> None:
    """Brings a rename to the disk, where the system knows how to."""
    with contextlib.suppress(OSError):
        sync(path)


def sha256(path: str | os.PathLike[str]) -> str:
    """Returns the SHA-256 of the file at `path`, in hexadecimal; raises OSError."""
    with regular.open_binary(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
