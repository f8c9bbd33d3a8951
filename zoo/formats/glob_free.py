"""A path for TensorFlow's readers of checkpoints, which take a path for a pattern and have no way to escape one."""

import contextlib
import pathlib
import tempfile

_SPECIAL = frozenset("*?[\\")


@contextlib.contextmanager
def glob_free(folder):
    """Yields a path of `folder`, which need not exist, in which nothing is a pattern: a link in a temporary directory.

    A path without the signs of a pattern is yielded as it is.

    Raises:
        OSError: the link cannot be made.
    """
    folder = pathlib.Path(folder)
    if not _SPECIAL.intersection(str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="zoo_") as made:
        link = pathlib.Path(made, "folder")
        link.symlink_to(folder.absolute(), target_is_directory=True)
        yield link
