"""Names of the labels: SSD's labelmap file, or one name a line."""

import pathlib

from zoo.errors import DataError, Place
from zoo.formats import labelmap


def read_labels(path) -> dict[int, str]:
    """Returns {label: name} of a file.

    A labelmap (``item { name: "n02084071" label: 1 display_name: "dog" }``) gives display names; any other text has a
    name a line, the first line being label 0, the background.

    Raises:
        DataError: the file is missing or not text.
    """
    at = Place(str(path))
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("cannot read the labels", at=at, got=getattr(error, "strerror", None) or str(error)) from None
    if "{" not in text:
        return {index: line.strip() for index, line in enumerate(text.splitlines()) if line.strip()}
    return {item.label: item.display_name or item.name for item in labelmap.parse(path).item}
