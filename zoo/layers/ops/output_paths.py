"""Where layers write the files that a net names: where it says, or below a folder, whatever it says."""

import contextlib
import functools
import os

from absl import logging

from zoo.errors import DataError, Place

_below: list[str] = []  # the folder that `below` has set


@contextlib.contextmanager
def below(folder):
    """While it is open, layers that are read write below `folder`, whatever path the net gives."""
    before, _below[:] = _below[:], [str(folder)]
    try:
        yield
    finally:
        _below[:] = before


def placed(name):
    """Returns where a path of the net goes: as it stands, or below the folder that `below` has set.

    What leads out of that folder, as a path that is absolute or begins with "..", keeps its last part alone.
    """
    if not _below:
        return name
    inside = os.path.normpath(name)
    if os.path.isabs(inside) or inside.split(os.sep)[0] == os.pardir:
        inside = os.path.basename(inside)
    return os.path.normpath(os.path.join(_below[-1], inside))


def elsewhere(path, name):
    """Whether `path`, which `placed` gave for `name`, is another place than the net says."""
    return path not in (name, os.path.normpath(name))


def make_folder(path):
    """Makes a folder that `below` has led into a new one; Caffe makes none for files."""
    if _below:
        force_folder(path)


def force_folder(path):
    """Makes a folder; raises DataError where it cannot be made."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise DataError("cannot make the folder", at=Place(path), got=error.strerror) from None


@functools.cache
def say(line):
    """Logs a line once in a process: a layer is built for each net that has it."""
    logging.warning("%s", line)
