"""Window files, in which R-CNN lists images and boxes in them (window_data_layer.cpp:46-155).

For each image: ``# index``, path, channels, height, width, number of boxes; then for each box a line of class,
overlap with an object, x1, y1, x2, y2. Whitespace parts them, of whatever kind.
"""

import re
from typing import NamedTuple

import numpy as np

from zoo.errors import DataError, Place
from zoo.formats import regular

FIELDS = 6
LABEL, OVERLAP, X1, Y1, X2, Y2, IMAGE = range(FIELDS + 1)


class Windows(NamedTuple):
    """What a window file holds.

    Attributes:
        paths: of the images.
        channels: of the last image, which in Caffe decides.
        boxes: float32 (n, 7): columns LABEL, OVERLAP, X1, Y1, X2, Y2, IMAGE; corners count from 0 and belong to
            the box.
    """

    paths: list
    channels: int
    boxes: np.ndarray


def read_windows(path):
    """Returns the `Windows` of the file at `path`; raises DataError where it is missing, empty or malformed."""
    try:
        text = regular.read_text(path)
    except (OSError, UnicodeDecodeError) as e:
        raise DataError("cannot read a window file", at=Place(str(path)), got=str(e)) from e
    return _Reader(text, path).read()


class _Reader:
    def __init__(self, text, path):
        self._text, self._path, self._words, self._at = text, path, text.split(), 0

    def read(self):
        paths, boxes, channels = [], [], 0
        if not self._words:
            raise DataError("an empty window file", at=Place(str(self._path)))
        while self._at < len(self._words):
            if self._next("#") != "#":
                raise self._error("an image does not begin with #", 1, '"# index"')
            index = self._integer("the image's index")
            if index != len(paths):  # Caffe takes it as an index into the images read so far
                raise self._error("images are not numbered from 0", 1, len(paths))
            paths.append(self._next("a path"))
            channels = self._integer("channels")
            self._integer("a height"), self._integer("a width")
            boxes.append(self._boxes(self._integer("the number of boxes"), index))
        return Windows(paths, channels, np.concatenate(boxes))

    def _boxes(self, count, image):
        words = self._words[self._at : self._at + FIELDS * count]
        self._at += len(words)
        try:
            values = np.array(words, np.float32)
        except ValueError:
            bad = next(i for i, word in enumerate(words) if not _is_number(word))
            raise self._error("a box that is no numbers", len(words) - bad, "class overlap x1 y1 x2 y2") from None
        if len(words) < FIELDS * count:
            raise DataError(
                "a window file that ends early", at=Place(str(self._path)), want=f"{count} boxes at the end"
            )
        values = values.reshape(count, FIELDS)
        odd = np.argwhere(values[:, [LABEL, X1, Y1, X2, Y2]] % 1 != 0)
        if len(odd):
            raise self._error(
                "a class or corner that is no whole number", FIELDS * (count - odd[0][0]), "whole numbers"
            )
        return np.column_stack([values, np.full(count, image, np.float32)])

    def _next(self, what):
        if self._at == len(self._words):
            raise DataError("a window file that ends early", at=Place(str(self._path)), want=what)
        self._at += 1
        return self._words[self._at - 1]

    def _integer(self, what):
        word = self._next(what)
        if not word.isascii() or not word.isdigit() or len(word) > 20:
            raise self._error(f"{what} is no number", 1, "0 or more")
        return int(word)

    def _error(self, what, back, want):
        """Returns the error about the word that lies `back` words behind the present place."""
        index = self._at - back
        start = next(m for i, m in enumerate(re.finditer(r"\S+", self._text)) if i == index).start()
        place = Place(str(self._path), self._text.count("\n", 0, start) + 1)
        return DataError(what, at=place, got=repr(self._words[index][:60]), want=want)


def _is_number(word):
    try:
        float(word)
    except ValueError:
        return False
    return True
