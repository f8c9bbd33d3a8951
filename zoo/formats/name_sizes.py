"""SSD's files of image names and sizes: a line an image, "000001 500 353", with its height and its width in pixels."""

import re

from zoo.errors import DataError, Place
from zoo.formats import regular
from zoo.formats.paths import find_file

MAX_SIDE = 2**31 - 1
HINT = "python -m data_prep.detection writes it next to its output"
_SIDE = re.compile(r"[0-9]{1,20}")


def read(name, at=None, file=None):
    """Returns [(image name, (height, width))] of a file, in its order.

    Args:
        name: its path; relative to the working directory, or to the folder of `file`.
        at: the `Place` of the field that names it.
        file: the net's own file.

    Raises:
        DataError: it is not there or cannot be read, or a line says something else.
    """
    path, found = find_file(name, "file of names and sizes", at=at, file=file, hint=HINT), []
    try:
        lines = regular.read_text(path).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        got = getattr(error, "strerror", None) or str(error)
        raise DataError("cannot be read", at=Place(str(path)), got=got) from None
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 3 or not all(_SIDE.fullmatch(word) and 0 < int(word) <= MAX_SIDE for word in words[1:]):
            raise DataError("no name with a size", at=Place(str(path), number), got=line[:80], want="name height width")
        found.append((words[0], (int(words[1]), int(words[2]))))
    if not found:
        raise DataError("no names and sizes", at=Place(str(path)), got="nothing", want="name height width, a line each")
    return found


def text(sizes):
    """Returns the text of such a file for [(image name, (height, width))]; None where a name has spaces in it."""
    if any(name.split() != [name] for name, _ in sizes):
        return None
    return "".join(f"{name} {height} {width}\n" for name, (height, width) in sizes)
