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


def read_list(path):
    """Returns the `Entry` list of the file at `path`.

    A line is split at its last space, so that names may hold spaces (image_data_layer.cpp:37-41).

    Raises:
        DataError: missing, empty, or a line without name and label. Where Caffe would read a label of 0 out of a line
            that has none, this is an error.
    """
    try:
        lines = regular.read_text(path).removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as e:
        raise DataError("cannot read a list of images", at=Place(str(path)), got=_reason(e)) from e
    if lines == [""]:
        raise DataError("an empty list of images", at=Place(str(path)), want='lines such as "cat/1.jpg 0"')
    return [_entry(line.removesuffix("\r"), number, path) for number, line in enumerate(lines, 1)]


def _reason(error):
    return error.strerror if isinstance(error, OSError) else "text that is not UTF-8"


def _entry(line, number, path):
    name, space, label = line.rpartition(" ")
    if not space or not name or not LABEL.fullmatch(label) or abs(int(label)) > MAX_LABEL:
        at = Place(str(path), number)
        raise DataError("not an image and its label", at=at, got=repr(line[:80]), want='such as "cat/1.jpg 0"')
    return Entry(name, int(label), number)
