"""Files and folders that appear whole or not at all."""

import contextlib
import os
import pathlib
import shutil

import tensorflow as tf

from zoo.errors import OutputError, Place


def check(path):
    """Raises OutputError where `path` cannot be written, before any long work."""
    path = pathlib.Path(path)
    folder, at = path.resolve().parent, Place(str(path))
    if not folder.is_dir():
        raise OutputError("cannot be written", at=at, got=f"no folder {path.parent}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError("cannot be written", at=at, got=f"no right to write in {path.parent}")


@contextlib.contextmanager
def replacing(path):
    """Gives a path in the same folder, with the same ending, for a file or folder that is to take the place of `path`.

    When the block ends well, what was written there is brought to the disk and renamed; otherwise it is removed. A
    folder takes the place of nothing, of an empty folder or of a SavedModel, never of anything else.

    Raises:
        OutputError: the operating system or TensorFlow's file system refuses, as with a full disk.
    """
    path = pathlib.Path(path)
    partial = path.with_name(f".{os.getpid()}.partial.{path.name}")
    at = Place(str(path))
    try:
        yield partial
        if partial.is_dir():
            _check_replaceable(path)
            for file in partial.rglob("*"):
                _sync(file)
            _swap(partial, path)
        else:
            if path.is_dir():
                raise OutputError("cannot be written", at=at, got="a folder of that name")
            _sync(partial)
            os.replace(partial, path)
    except (OSError, tf.errors.OpError) as cause:
        said = getattr(cause, "strerror", None) or getattr(cause, "message", None) or str(cause)
        raise OutputError("cannot be written", at=at, got=said.strip().splitlines()[0]) from cause
    finally:
        _remove(partial)


def _check_replaceable(path):
    if path.is_dir() and (not any(path.iterdir()) or (path / "saved_model.pb").is_file()):
        return
    if path.exists():
        what = "a folder with other things in it" if path.is_dir() else "a file of that name"
        raise OutputError("cannot be written", at=Place(str(path)), got=what, hint="name another folder")


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


def _sync(file):
    if file.is_file():
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
