"""Lists of images, a line each: ``path label``, as Caffe's tools and ImageData layers read them."""

import re
from typing import NamedTuple

from zoo.errors import DataError, Place
from zoo.formats import regular

LABEL = re.compile(r"[+-]?\d{1,20}")
MAX_LABEL = 2**31 - 1


class Entry(NamedTuple):
    """One line: the image's name, its label, and the line's number from 1."""

    name: str
    label: int
    line: int


class Pair(NamedTuple):
    """One line of a list of images and their label images: both names, and the line's number from 1."""

    name: str
    label: str
    line: int


def read_pairs(path):
    """Returns the `Pair` list of the file at `path`: two names a line, without spaces in them, as SegNet reads them.

    Raises:
        DataError: missing, empty, or a line with more or fewer names.
    """
    return [_pair(line, number, path) for line, number in _lines(path, 'lines such as "1.png 1_label.png"')]


def read_list(path):
    """Returns the `Entry` list of the file at `path`.

    A line is split at its last space, so that names may hold spaces (image_data_layer.cpp:37-41).

    Raises:
        DataError: missing, empty, or a line without name and label. Where Caffe would read a label of 0 out of a line
            that has none, this is an error.
    """
    return [_entry(line, number, path) for line, number in _lines(path, 'lines such as "cat/1.jpg 0"')]


def _lines(path, want):
    """Returns a list of (line, its number) of a text file."""
    try:
        lines = regular.read_text(path).removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as e:
        raise DataError("cannot read a list of images", at=Place(str(path)), got=_reason(e)) from e
    if lines == [""]:
        raise DataError("an empty list of images", at=Place(str(path)), want=want)
    return [(line.removesuffix("\r"), number) for number, line in enumerate(lines, 1)]


def _pair(line, number, path):
    names = line.split()
    if len(names) != 2:
        at, want = Place(str(path), number), 'such as "1.png 1_label.png"'
        raise DataError("not an image and its label image", at=at, got=repr(line[:80]), want=want)
    return Pair(*names, number)


def _reason(error):
    return error.strerror if isinstance(error, OSError) else "text that is not UTF-8"


def _entry(line, number, path):
    name, space, label = line.rpartition(" ")
    if not space or not name or not LABEL.fullmatch(label) or abs(int(label)) > MAX_LABEL:
        at = Place(str(path), number)
        raise DataError("not an image and its label", at=at, got=repr(line[:80]), want='such as "cat/1.jpg 0"')
    return Entry(name, int(label), number)
