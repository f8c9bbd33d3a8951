"""Names of the labels: SSD's labelmap file, or one name a line."""

from zoo.formats import labelmap


def read_labels(path) -> dict[int, str]:
    """Returns {label: name} of a file.

    A labelmap (``item { name: "n02084071" label: 1 display_name: "dog" }``) gives display names; any other text has a
    name a line, the first line being label 0, the background.

    Raises:
        DataError: the file is missing or not text.
    """
    text = labelmap.read_text(path)
    if "{" not in text:
        return {index: line.strip() for index, line in enumerate(text.splitlines()) if line.strip()}
    return {item.label: item.display_name or item.name for item in labelmap.parse(path).item}
