"""Where converted files go: put in their place whole."""

import contextlib

from zoo.errors import OutputError, Place
from zoo.formats import atomic


@contextlib.contextmanager
def replacing(path):
    """As `atomic.replacing_path`; a directory takes the place of nothing, an empty one or a SavedModel.

    Raises:
        OutputError: the operating system or TensorFlow's file system refuses, as with a full disk.
    """
    import tensorflow as tf

    with atomic.replacing_path(path, OutputError, _check_replaceable, (tf.errors.OpError,)) as partial:
        yield partial


def _check_replaceable(path):
    if path.is_dir() and (not any(path.iterdir()) or (path / "saved_model.pb").is_file()):
        return
    if path.exists():
        what = "a directory with other things in it" if path.is_dir() else "a file of that name"
        raise OutputError("cannot be written", at=Place(str(path)), got=what, hint="name another directory")
