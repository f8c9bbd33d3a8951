"""SSD's labelmap: ``item { name: "n02084071" label: 1 display_name: "dog" }`` a label, 0 being the background."""

from google.protobuf import text_format

from zoo.errors import DataError, Place
from zoo.formats import caffe_pb2, regular
from zoo.formats.text_printer import to_text


def read_text(path):
    """Returns the text of a file of labels; raises DataError where it cannot be read."""
    try:
        return regular.read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        got = getattr(error, "strerror", None) or str(error)
        raise DataError("cannot read the labels", at=Place(str(path)), got=got) from None


def parse(path):
    """Returns the LabelMap in a file.

    Raises:
        DataError: the file is missing or no labelmap, or a name or label stands twice.
    """
    at = Place(str(path))
    parsed = caffe_pb2.LabelMap()
    try:
        text_format.Parse(read_text(path), parsed)
    except text_format.ParseError as error:
        want = 'item { name: "..." label: 1 display_name: "..." }'
        raise DataError("not a labelmap", at=at, got=str(error)[:200], want=want) from None
    for field in ("name", "label"):
        values = [getattr(item, field) for item in parsed.item]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise DataError(f"a {field} stands twice", at=at, got=twice)
    return parsed


def read(path):
    """Returns {class name: label} of a file, without the background; raises DataError as `parse`."""
    return {item.name: item.label for item in parse(path).item if item.label}


def text(labels):
    """Returns the text of a labelmap for {class name: label}, the background in front."""
    found = caffe_pb2.LabelMap()
    found.item.add(name="none_of_the_above", label=0, display_name="background")
    for name, label in labels.items():
        found.item.add(name=name, label=label, display_name=name)
    return to_text(found)
