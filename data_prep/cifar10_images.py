"""CIFAR-10 as image files in a folder for each class, as many collections distribute it (``train/cat/0001.jpg``)."""

import pathlib

import numpy as np

from data_prep import image_files, images
from zoo.errors import DataError, Place
from zoo.formats import image_file


def sources(source, splits):
    """Returns {split: what holds its images} under the directory `source`, or None where a split is not there.

    That is the archive ``<split>.tar`` or the directory ``<split>``.
    """
    found = {}
    for split in splits:
        inner = [path for path in (source / f"{split}.tar", source / split) if path.exists()]
        if not inner:
            return None
        found[split] = inner[0]
    return found


def load(held, classes, seed, size=(32, 32)):
    """Returns (uint8 (N, H, W, 3) RGB, int64 labels (N,)) of the images in an archive or directory, shuffled by `seed`.

    Class folders put all images of one class together, and training takes records in their order: unshuffled, it fails.

    Args:
        held: the archive or directory.
        classes: the names of the folders in the order of the labels; all of them must be there, and no others.
        seed: of the shuffling.
        size: (H, W) that every image must have.

    Raises:
        DataError: other classes, or an image that is damaged or of another size.
    """
    import cv2

    files, _ = image_files.collect(held, classes=classes)
    missing = sorted(set(classes) - {file.class_name for file in files})
    if missing:
        raise DataError("no images of a class", at=Place(str(held)), got=f"none of {', '.join(missing)}")
    label_of = {name: label for label, name in enumerate(classes)}
    files = images.shuffled(files, seed)
    pixels = np.empty((len(files), *size, 3), np.uint8)
    for row, file in zip(pixels, files):
        at = Place(str(file))
        bgr = image_file.decode(file.bytes(), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION, at)
        if bgr.shape[:2] != size:
            height, width = bgr.shape[:2]
            raise DataError("not an image of CIFAR-10", at=at, got=f"{height} x {width} (H x W)", want="32 x 32")
        row[...] = bgr[..., ::-1]
    return pixels, np.array([label_of[file.class_name] for file in files], np.int64)


def paths(held):
    """Returns {name: paths of its files} of what `load` reads of all that `sources` gave; raises DataError."""
    return {name: files for one in held.values() for name, files in image_files.paths(pathlib.Path(one)).items()}
