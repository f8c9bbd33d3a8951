"""What a flag that names images stands for: files, directories of them, and lists of them."""

import os
import pathlib

from zoo.errors import DataError, Place
from zoo.formats import regular

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def images(given):
    """Returns the paths of images, each once: files as they are given, and what directories hold, sorted by name.

    Args:
        given: paths of image files and of directories of them.

    Raises:
        DataError: there is no such file; a directory holds no images, or cannot be read.
    """
    found = []
    for path in map(pathlib.Path, given):
        files = inside(path) if os.path.isdir(path) else [there(path)]
        if not files:
            raise DataError("no images", at=Place(str(path)), want=", ".join(SUFFIXES))
        found += files
    return list(dict.fromkeys(found))


def there(path):
    """Returns the path of a file, which is read later; raises DataError where it cannot be."""
    try:
        os.stat(path)
    except (OSError, ValueError) as error:
        got = getattr(error, "strerror", None) or str(error)
        raise DataError("cannot read the image", at=Place(str(path)), got=got) from None
    return path


def inside(path):
    """Returns the images in a directory, sorted by name; raises DataError where it cannot be read."""
    try:
        return sorted(file for file in pathlib.Path(path).iterdir() if file.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise DataError("cannot read a directory of images", at=Place(str(path)), got=error.strerror) from None


def listed(path, root=""):
    """Returns [(image's path, label or None)] of a list: an image a line, or an image and its label as Caffe has them.

    Either all lines have labels or none. Names stand for files in the directory `root`, or where that is ""
    in the working directory.

    Raises:
        DataError: the list cannot be read, or is empty; the first of its images is not there.
    """
    from zoo.formats import image_list

    try:
        lines = [line.strip() for line in regular.read_text(path).splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        got = getattr(error, "strerror", None) or "text that is not UTF-8"
        raise DataError("cannot read a list of images", at=Place(str(path)), got=got) from None
    if not lines:
        raise DataError(
            "an empty list of images", at=Place(str(path)), want='lines such as "cat/1.jpg" or "cat/1.jpg 0"'
        )
    if all(pathlib.Path(line).suffix.lower() in SUFFIXES for line in lines):
        entries = [(line, None) for line in lines]
    else:
        entries = [(entry.name, entry.label) for entry in image_list.read_list(path)]
    found = [(pathlib.Path(root, name), label) for name, label in entries]
    there(found[0][0])  # the others too, most likely, if the directory is another
    return found
