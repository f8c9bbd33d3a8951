"""The result files of SSD's DetectionOutput: what was found on all images of a test, as VOC, COCO or ILSVRC want it.

weiliu89/caffe@ssd detection_output_layer.cpp:40-120, 310-440.
"""

import json
import os
import re

import numpy as np

from zoo.errors import DataError
from zoo.formats import atomic, labelmap, name_sizes
from zoo.formats.paths import find_file
from zoo.layers.ops import output_paths

FORMATS = ("VOC", "COCO", "ILSVRC")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


class DetectionResults:
    """Gathers rows batch by batch, and writes the files each time that all images have gone by.

    Args:
        folder: where they go.
        p: the SaveOutputParameter.
        labels: those of the classes, without the background.
        layer: the `LayerDef`, for messages and for where its files are looked for.

    Attributes:
        raised: the DataErrors met, the last one alone.

    Raises:
        DataError: the labelmap or the name_size_file is not there, does not name a label, or has too few images; a
            file's name that leads elsewhere.
    """

    def __init__(self, folder, p, labels, layer):
        self._folder, self._prefix, self._format = folder, p.output_name_prefix, p.output_format
        self._rows, self._images, self.raised = [], 0, []
        self._at = layer.at("detection_output_param.save_output_param")
        path = find_file(p.label_map_file, "labelmap", at=self._at, file=layer.place.file)
        names = {item.label: item.name for item in labelmap.parse(path).item}
        missing = [label for label in labels if label not in names]
        if missing:
            raise DataError(f"the labelmap {path} does not name a label", at=self._at, got=missing[0])
        self._names = {label: names[label] for label in labels}
        self._check_names()
        self._sizes = name_sizes.read(p.name_size_file, self._at, layer.place.file)
        self._count = p.num_test_image if p.HasField("num_test_image") else len(self._sizes)
        if not 0 < self._count <= len(self._sizes):
            want = f"1 to {len(self._sizes)}, as the name_size_file has"
            raise DataError("num_test_image does not fit", at=self._at, got=self._count, want=want)

    def _check_names(self):
        """Raises DataError for a file that would not lie in the folder: prefix and names are of other people."""
        for name in self._texts():
            if os.path.basename(name) != name or "\0" in name:
                hint = "output_name_prefix and the names of the labelmap may not have a / in them"
                raise DataError("no name for a result file", at=self._at, got=name[:80], hint=hint)

    def add(self, rows, items):
        """Takes the rows (1, 1, M, 7) of a batch of `items` images; raises DataError where a file cannot be written."""
        try:
            rows = np.asarray(rows, np.float32).reshape(-1, 7)
            for item in range(items):
                name, size = self._sizes[self._images]
                for _, label, score, *corners in rows[(rows[:, 0] == item) & (rows[:, 1] != -1)]:
                    self._rows.append((name, int(label), score, in_pixels(corners, size)))
                self._images += 1
                if self._images == self._count:
                    self._write()
                    self._rows, self._images = [], 0
        except DataError as error:
            self.raised[:] = [error]
            raise

    def _write(self):
        output_paths.force_folder(self._folder)
        for name, text in self._texts().items():
            with atomic.replacing(os.path.join(self._folder, name), DataError) as file:
                file.write(text.encode())

    def _texts(self):
        """Returns {file name: text}."""
        if self._format == "COCO":
            return {f"{self._prefix}.json": coco(self._rows, self._names)}
        if self._format == "ILSVRC":
            return {f"{self._prefix}.txt": "".join(_line(f"{row[0]} {row[1]}", row) for row in self._rows)}
        lines = dict.fromkeys(self._names, "")
        for row in self._rows:
            lines[row[1]] += _line(row[0], row)
        return {f"{self._prefix}{self._names[label]}.txt": text for label, text in lines.items()}


def in_pixels(corners, size):
    """Returns x, y, width and height of a box, clipped, in pixels with two decimals, as the fork rounds them.

    Args:
        corners: xmin, ymin, xmax, ymax as parts of the image, float32.
        size: (height, width) of the image.
    """
    left, top, right, bottom = np.clip(np.float32(corners), 0, 1) * np.float32([size[1], size[0]] * 2)
    values = np.float32([left, top, right - left, bottom - top]) * np.float32(100)
    return np.float32((np.sign(values) * np.floor(np.abs(values) + np.float32(0.5))) / 100.0)  # halves away from zero


def _line(begin, row):
    """A line of VOC and ILSVRC: corners cut to whole pixels, of which the far ones are near ones and cut sizes."""
    x, y, width, height = (int(value) for value in row[3])
    return f"{begin} {row[2]:.6g} {x} {y} {x + width} {y + height}\n"


def coco(rows, names):
    """Returns COCO's JSON of [(image name, label, score, (x, y, width, height))]; numbers of a text are numbers."""
    found = [
        {
            "image_id": _number(name),
            "category_id": _number(names[label]),
            "bbox": [float(f"{value:.9g}") for value in box],
            "score": float(f"{score:.9g}"),
        }
        for name, label, score, box in rows
    ]
    return json.dumps(found, indent=1) + "\n"


def _number(text):
    """The number that a text is, as the fork writes image ids and COCO's categories, else the text."""
    return int(text) if _NUMBER.fullmatch(text) else text
