"""Images that a list of Caffe's names, ``path label`` a line, such as ilsvrc12's train.txt."""

import pathlib

from data_prep.images import File, class_in
from data_prep.validation import by_label, one_class
from zoo.errors import DataError, Place
from zoo.formats.image_list import read_list

MAX_CLASSES = 100_000  # a larger label is no class


def listing(path, root_folder="", classes=None):
    """Returns (`File` list in the list's order, the classes' names in the order of their labels).

    Args:
        path: the list.
        root_folder: what is put before its names, as it stands.
        classes: the classes that the labels count. Without, they are the synsets that the images' paths name, where
            these fit the labels one to one, else the labels themselves as text.

    Raises:
        DataError: a list that cannot be read, labels below 0 or beyond the classes, or two for one image.
    """
    entries, first = read_list(path), {}
    for entry in entries:
        if not 0 <= entry.label < MAX_CLASSES:
            raise DataError("a label that is no class", at=Place(str(path), entry.line), got=entry.label)
        one_class(first.setdefault(entry.name, entry), entry, path)
    if classes is None:
        classes = _synsets(entries) or tuple(str(i) for i in range(max(entry.label for entry in entries) + 1))
    files = [
        File(pathlib.Path(f"{root_folder}{e.name}"), by_label(e.label, classes, Place(str(path), e.line)))
        for e in entries
    ]
    return files, tuple(classes)


def _synsets(entries):
    """Returns the synsets by label, or None where paths do not name one for every label from 0."""
    found = {}
    for entry in entries:
        synset = class_in(pathlib.PurePosixPath(entry.name).name)
        if not synset or found.setdefault(entry.label, synset) != synset:
            return None
    whole = sorted(found) == list(range(len(found))) and len(set(found.values())) == len(found)
    return tuple(found[label] for label in sorted(found)) if whole else None
