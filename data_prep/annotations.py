"""Boxes around objects as public datasets write them down: VOC's XML, COCO's JSON, and a simple CSV.

Every reader gives `Annotated` images, with corners in pixels as the file has them; `fractions` makes SSD's of these.
"""

import csv
import math
import os
import pathlib
from dataclasses import dataclass
from xml.etree import ElementTree

from zoo.errors import DataError, Place
from zoo.formats import regular

CSV_COLUMNS = ("image", "label", "xmin", "ymin", "xmax", "ymax")  # and "difficult", where there is any
MOST_BYTES = 64 << 20  # of one XML file: a page of boxes takes some kilobytes


@dataclass(frozen=True)
class Box:
    """An object: the name of its class, its corners in pixels, and whether it is difficult (COCO: a crowd)."""

    name: str
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    difficult: bool = False


@dataclass(frozen=True)
class Annotated:
    """An image and its boxes.

    Attributes:
        path: of the image.
        boxes: tuple of `Box`.
        size: (width, height) as the annotations say it; None where they do not.
        place: the `Place` of the annotations.
    """

    path: pathlib.Path
    boxes: tuple[Box, ...]
    size: tuple[int, int] | None
    place: Place


def read(source, images=None, names=None):
    """Returns (list of `Annotated`, the class names that the source itself orders, or None).

    Args:
        source: a folder of VOC's (with Annotations/ and JPEGImages/), a .json file of COCO's, or a .csv file.
        images: the folder of the images; by default JPEGImages/ of VOC's folder, else the folder of the file.
        names: for VOC, a file with the names of the images to take, as a path within VOC's folder, such as
            ImageSets/Main/test.txt, or else as it stands; None takes all.

    Raises:
        DataError: a file is missing, damaged, or says something that is no box.
    """
    source = pathlib.Path(source)
    if source.is_dir():
        return voc(source, images, names), None
    if names is not None:
        raise DataError("--names goes with a folder of VOC's", at=Place(str(source)))
    if not source.exists():
        raise DataError("no such file or folder", at=Place(str(source)))
    if source.suffix.lower() == ".json":
        return coco(source, images)
    if source.suffix.lower() == ".csv":
        return table(source, images), None
    want = "a folder of VOC's, a .json file of COCO's, or a .csv file"
    raise DataError("no annotations that this command reads", at=Place(str(source)), got=source.name, want=want)


def read_all(sources, images=None, names=None):
    """Returns what `read` does for several sources after each other, such as the folders of VOC 2007 and 2012.

    Raises:
        DataError: as `read`; several sources of which one is no folder.
    """
    if len(sources) == 1:
        return read(sources[0], images, names)
    for source in sources:
        if not pathlib.Path(source).is_dir():
            raise DataError("several sources must all be folders of VOC's", at=Place(str(source)))
    return [annotated for source in sources for annotated in voc(source, images, names)], None


def voc(folder, images=None, names=None):
    """Returns the `Annotated` images of a folder of VOC's, in the order of `names`, else by name; see `read`."""
    folder = pathlib.Path(folder)
    if not (folder / "Annotations").is_dir():
        want = "Annotations/*.xml, JPEGImages/*.jpg"
        raise DataError("not a folder of VOC's", at=Place(str(folder)), got="no Annotations/ in it", want=want)
    images = pathlib.Path(images) if images else folder / "JPEGImages"
    if names is None:
        wanted = sorted(path.stem for path in (folder / "Annotations").glob("*.xml"))
    else:
        names = names_file(folder, names)
        wanted = [line.split()[0] for line in _text(names).splitlines() if line.strip()]
    if not wanted:
        raise DataError("no images are named", at=Place(str(names or folder / "Annotations")))
    return [_voc_file(folder / "Annotations" / f"{name}.xml", images) for name in wanted]


def names_file(folder, names):
    """Returns the path of a file of names for a folder of VOC's: within it, if it is there, else as it stands."""
    within = pathlib.Path(folder) / names
    return within if within.is_file() else pathlib.Path(names)


def _voc_file(path, images):
    place = Place(str(path))
    try:
        root = ElementTree.fromstring(_text(path))
    except ElementTree.ParseError as error:
        raise DataError("not XML", at=place, got=str(error)) from None
    name = root.findtext("filename") or f"{path.stem}.jpg"
    image = images / pathlib.PurePosixPath(name.replace("\\", "/")).name
    if not image.suffix:
        image = image.with_suffix(".jpg")
    size = None
    if root.find("size/width") is not None and root.find("size/height") is not None:
        size = int(_number(root, "size/width", place)), int(_number(root, "size/height", place))
    boxes = []
    for found in root.iter("object"):
        label = (found.findtext("name") or "").strip()
        if not label:
            raise DataError("an object without a name", at=place)
        corners = [_number(found, f"bndbox/{side}", place) for side in ("xmin", "ymin", "xmax", "ymax")]
        boxes.append(Box(label, *corners, (found.findtext("difficult") or "0").strip() == "1"))
    return Annotated(image, tuple(boxes), size if size and all(size) else None, place)


def coco(path, images=None):
    """Returns (the `Annotated` images of COCO's "instances" JSON, by id, the class names by id); see `read`."""
    place = Place(str(path))
    try:
        found = regular.parse_json(_text(path, most=None))
        classes = {each["id"]: each["name"] for each in sorted(found["categories"], key=lambda each: each["id"])}
        files = {each["id"]: each for each in sorted(found["images"], key=lambda each: each["id"])}
        boxes = {number: [] for number in files}
        for each in found["annotations"]:
            left, top, width, height = (float(value) for value in each["bbox"])
            corners = left, top, left + width, top + height
            boxes[each["image_id"]].append(Box(classes[each["category_id"]], *corners, bool(each.get("iscrowd"))))
        folder = pathlib.Path(images) if images else pathlib.Path(path).parent
        annotated = [
            Annotated(folder / each["file_name"], tuple(boxes[number]), (each["width"], each["height"]), place)
            for number, each in files.items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        want = "images, annotations and categories as in instances_train2017.json"
        got = f"{type(error).__name__}: {error}"
        raise DataError("not annotations of COCO's form", at=place, got=got[:200], want=want) from None
    return annotated, tuple(classes.values())


def table(path, images=None):
    """Returns the `Annotated` images of a CSV file with a line a box, in the order of their first lines; see `read`.

    Its first line names the columns: image, label, xmin, ymin, xmax, ymax and, if wanted, difficult; corners in
    pixels. An image without boxes has one line with nothing behind its name.
    """
    folder = pathlib.Path(images) if images else pathlib.Path(path).parent
    lines = csv.DictReader(_text(path, most=None).splitlines())
    missing = [name for name in CSV_COLUMNS if name not in (lines.fieldnames or ())]
    if missing:
        got = ", ".join(lines.fieldnames or ()) or "nothing"
        raise DataError("columns are missing", at=Place(str(path), 1), got=got, want=",".join(CSV_COLUMNS))
    found = {}
    for line in lines:
        place = Place(str(path), lines.line_num)
        values = {name: (line.get(name) or "").strip() for name in (*CSV_COLUMNS, "difficult")}
        if not values["image"]:
            raise DataError("no image is named", at=place)
        boxes = found.setdefault(values["image"], (place, []))[1]
        if not any(values[name] for name in CSV_COLUMNS[1:]):
            continue
        try:
            corners = [float(values[name]) for name in CSV_COLUMNS[2:]]
        except ValueError:
            got = ",".join(values[name] for name in CSV_COLUMNS[2:])
            raise DataError("corners that are no numbers", at=place, got=got) from None
        if not values["label"]:
            raise DataError("a box without a label", at=place)
        boxes.append(Box(values["label"], *corners, values["difficult"].lower() in ("1", "true", "yes")))
    return [Annotated(folder / name, tuple(boxes), None, place) for name, (place, boxes) in found.items()]


def fractions(annotated, size):
    """Returns [(`Box`, (xmin, ymin, xmax, ymax) as fractions of the image)], as SSD's create_annoset writes them.

    Args:
        annotated: an `Annotated`.
        size: (width, height) of the image itself.

    Raises:
        DataError: corners that are not finite, not in order, or all of a box lies outside; sizes that contradict.
    """
    if annotated.size not in (None, tuple(size)):
        got, want = "{} x {}".format(*annotated.size), "{} x {}".format(*size)
        raise DataError(f"another size than the image {annotated.path}", at=annotated.place, got=got, want=want)
    width, height = size
    found = []
    for box in annotated.boxes:
        corners = (box.xmin / width, box.ymin / height, box.xmax / width, box.ymax / height)
        said = f"{box.name} {box.xmin:g}, {box.ymin:g}, {box.xmax:g}, {box.ymax:g}"
        if not all(math.isfinite(corner) for corner in corners):
            raise DataError("corners that are not finite", at=annotated.place, got=said)
        if corners[0] > corners[2] or corners[1] > corners[3]:
            raise DataError("corners out of order", at=annotated.place, got=said, want="xmin, ymin, xmax, ymax")
        if corners[0] >= 1 or corners[1] >= 1 or corners[2] <= 0 or corners[3] <= 0:
            want = f"some of it within {width} x {height}"
            raise DataError(f"a box outside of the image {annotated.path}", at=annotated.place, got=said, want=want)
        found.append((box, corners))
    return found


def _number(node, path, place):
    text = node.findtext(path)
    try:
        return float(text)
    except (TypeError, ValueError):
        raise DataError(f"no number in {path}", at=place, got=text) from None


def _text(path, most=MOST_BYTES):
    at = Place(str(path))
    try:
        with regular.open_binary(path) as file:
            size = os.fstat(file.fileno()).st_size
            if most is not None and size > most:
                got, want = f"{size} bytes", f"up to {most}"
                raise DataError("too large for annotations of one image", at=at, got=got, want=want)
            return file.read().decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError("no such file", at=at) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("cannot be read", at=at, got=getattr(error, "strerror", None) or str(error)) from None
