"""Finds objects in images with an SSD net: boxes drawn on copies of the images, and a table of them.

  python -m zoo.detect --config=deploy.prototxt --weights=ssd.caffemodel --images=photo.jpg
  python -m zoo.detect --config=deploy.prototxt --weights=ssd.caffemodel --images=photos/ --threshold=0.3 \\
      --mean_value=104,117,123 --labels=labelmap_voc.prototxt --output=found

The config is a net to deploy whose output is a DetectionOutput's. Images are resized to its input as SSD resizes them;
the mean and scale are those of the net's training: its transform_param says them.
"""

import dataclasses
import pathlib

from absl import flags

from zoo import command, config_flag, given_files, image_paths, user_code
from zoo.errors import DataError, OutputError
from zoo.formats import limits
from zoo.progress import Progress
from zoo.report import Report

CONFIG = config_flag.define("Net to deploy (prototxt), or the name of a packaged config.")
WEIGHTS = flags.DEFINE_string("weights", None, "Weights file (.caffemodel, .caffemodel.h5).", required=True)
IMAGES = flags.DEFINE_list("images", None, "Image files, and directories of them.", required=True)
OUTPUT = flags.DEFINE_string("output", "detections", "Directory for the drawn images and detections.csv.")
THRESHOLD = flags.DEFINE_float("threshold", 0.5, "Least score of what is drawn and listed.", 0, 1)
MEAN = flags.DEFINE_list("mean_value", [], "What is subtracted: one number, or one a channel in the net's order.")
SCALE = flags.DEFINE_float("scale", 1.0, "What the difference is multiplied by.")
RGB = flags.DEFINE_bool("rgb", False, "The net wants RGB; Caffe's nets want BGR.")
LABELS = flags.DEFINE_string("labels", None, "Names of the labels: SSD's labelmap file, or a name a line from label 0.")
limits.define_flags(limits.IMAGE_PIXELS)


def main():
    """Reads the flags, runs over the images and says what was found."""
    paths, mean = image_paths.images(IMAGES.value), _mean()
    config_flag.check(CONFIG.value)
    output = pathlib.Path(OUTPUT.value)
    given_files.check([WEIGHTS.value], outputs=[output / "detections.csv"], makes_folder=True)
    command.quiet_tensorflow()
    user_code.load()
    from zoo.detection.detector import Detector, read_image
    from zoo.detection.drawing import draw
    from zoo.detection.labels import read_labels
    from zoo.pycaffe import TEST, Net

    names = read_labels(LABELS.value) if LABELS.value else {}
    detector = Detector(Net(CONFIG.value, WEIGHTS.value, TEST), mean, SCALE.value, RGB.value)
    rows, targets = [], _targets(output, paths)
    with Progress(len(paths), unit="image") as progress:
        for path in progress.over(paths):
            image = read_image(path)
            boxes = detector(image, THRESHOLD.value)
            said = ", ".join(f"{names.get(box.label, box.label)} {box.score:.2f}" for box in boxes[:5])
            more = f" and {len(boxes) - 5} more" if len(boxes) > 5 else ""
            progress.print(f"{path}: {said or 'nothing'}{more}")
            rows += [(path, box, names.get(box.label, "")) for box in boxes]
            _write(targets[path], _encoded(draw(image, boxes, names), targets[path]))
    _write(output / "detections.csv", _table(rows))
    return _report(rows, targets, output)


def _report(rows, targets, output):
    found = f"{len(rows)} detection{'s' * (len(rows) != 1)} in {len(targets)} image{'s' * (len(targets) != 1)}"
    report = Report(f"{found}, of scores from {THRESHOLD.value:g}.")
    report.made("table", output / "detections.csv").row("images", f"{output}, with their boxes drawn")
    report.more["images"] = [
        {
            "image": path,
            "drawn": target,
            "boxes": [{**dataclasses.asdict(box), "name": name} for of, box, name in rows if of is path],
        }
        for path, target in targets.items()
    ]
    other = THRESHOLD.value / 2 if len(rows) < len(targets) else (1 + THRESHOLD.value) / 2
    return report.then_typed("fewer" if other > THRESHOLD.value else "more", command.same(f"--threshold={other:g}"))


def _mean():
    try:
        return [float(value) for value in MEAN.value]
    except ValueError:
        raise DataError("--mean_value takes numbers", got=",".join(MEAN.value), want="104,117,123") from None


def _targets(folder, paths):
    """Returns {image: where its drawn copy goes}; two of one name get a number."""
    taken, targets = set(), {}
    for path in paths:
        suffix = path.suffix if path.suffix.lower() in (".jpg", ".jpeg", ".png") else ".png"
        number, name = 1, f"{path.stem}{suffix}"
        while name in taken or (folder / name).resolve() == path.resolve():
            number += 1
            name = f"{path.stem}-{number}{suffix}"
        taken.add(name)
        targets[path] = folder / name
    return targets


def _encoded(image, path):
    import cv2

    return cv2.imencode(path.suffix, image)[1].tobytes()


def _table(rows):
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "label", "name", "score", "xmin", "ymin", "xmax", "ymax"])
    for path, box, name in rows:
        corners = [f"{value:.2f}" for value in (box.xmin, box.ymin, box.xmax, box.ymax)]
        writer.writerow([path, box.label, name, f"{box.score:.6f}", *corners])
    return text.getvalue().encode()


def _write(path, data):
    from zoo.formats import atomic

    atomic.make_directory(path.parent, OutputError)
    with atomic.replacing(path, OutputError) as file:
        file.write(data)


if __name__ == "__main__":
    command.run(main)
