"""Makes a small detection set, digits of MNIST pasted on photographs, to try a detector on in minutes.

    python -m data_prep.pasted_digits --mnist=data/raw/mnist --photographs=photos --output=data/digits
    python -m data_prep.detection --source=data/digits/train/boxes.csv --output=data/digits/train_lmdb --shuffle
    python -m data_prep.detection --source=data/digits/test/boxes.csv --labelmap=data/digits/labelmap.prototxt \\
        --output=data/digits/test_lmdb

Images of 96 x 96 with one to three digits each, in colours, 22 to 43 pixels large, that do not overlap. The first four
fifths of the photographs, by name, and MNIST's training images make the training set; the rest the test set.
"""

import contextlib
import csv
import os
import pathlib
import shutil

import numpy as np
from absl import flags

from data_prep import common, mnist, sources
from zoo.errors import DataError, Place
from zoo.formats import lock
from zoo.progress import Progress
from zoo.report import Report

SIDE = 96
COLOURS = ((40, 220, 255), (255, 120, 60), (120, 255, 120), (255, 255, 255), (200, 80, 255))  # BGR
INK = 60  # from which value on a pixel of a digit counts for its box
TRIES = 20  # to place a digit where none is yet


def made(rng, photographs, images, labels, side=SIDE):
    """Returns (image (side, side, 3), [(digit, xmin, ymin, xmax, ymax)]) with one to three digits on a photograph.

    Args:
        rng: a NumPy random generator.
        photographs: list of images, uint8 BGR.
        images, labels: MNIST's, uint8 (N, 28, 28) and (N,).
        side: of the image, in pixels.
    """
    import cv2

    photograph = photographs[rng.integers(len(photographs))]
    size = int(min(photograph.shape[:2]) * rng.uniform(0.5, 1))
    top, left = (rng.integers(length - size + 1) for length in photograph.shape[:2])
    cut = photograph[top : top + size, left : left + size]
    image, boxes = cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA), []
    for _ in range(rng.integers(1, 4)):
        width = int(rng.integers(22, 44))
        number = rng.integers(len(images))
        digit = cv2.resize(images[number], (width, width))
        rows, columns = np.nonzero(digit > INK)
        place = len(rows) and _free_place(rng, side - width, rows, columns, boxes)
        if not place:
            continue
        x, y, box = place
        colour = np.array(COLOURS[rng.integers(len(COLOURS))], float)
        share = (digit / 255.0)[..., None]
        under = image[y : y + width, x : x + width]
        image[y : y + width, x : x + width] = (under * (1 - share) + colour * share).astype(np.uint8)
        boxes.append((int(labels[number]), *box))
    return image, boxes


def _free_place(rng, room, rows, columns, boxes):
    """Returns (x, y, box) where a digit overlaps none of the boxes, or None after some tries."""
    for _ in range(TRIES):
        x, y = (int(rng.integers(0, room + 1)) for _ in range(2))
        box = tuple(int(v) for v in (x + columns.min(), y + rows.min(), x + columns.max() + 1, y + rows.max() + 1))
        if all(box[0] >= b[3] or box[2] <= b[1] or box[1] >= b[4] or box[3] <= b[2] for b in boxes):
            return x, y, box
    return None


@contextlib.contextmanager
def _new(folder):
    """Gives a folder that becomes `folder` when the block ends well; raises DataError where the disk refuses."""
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.rename(folder)
    except OSError as e:
        raise DataError("cannot write images", at=Place(str(folder)), got=e.strerror or str(e)) from e
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write(folder, count, rng, photographs, images, labels):
    """Writes `count` images and boxes.csv into the folder `folder`; returns how many boxes there are.

    Raises:
        DataError: an image cannot be written.
    """
    import cv2

    (folder / "images").mkdir(parents=True)
    boxes = 0
    with open(folder / "boxes.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "label", "xmin", "ymin", "xmax", "ymax"])
        with Progress(count, folder.name, "image") as progress:
            for number in progress.over(range(count)):
                image, found = made(rng, photographs, images, labels)
                name = f"images/{number:05d}.jpg"
                if not cv2.imwrite(str(folder / name), image, [cv2.IMWRITE_JPEG_QUALITY, 92]):
                    raise DataError("an image cannot be written", at=Place(str(folder / name)))
                writer.writerows((name, f"digit {digit}", *corners) for digit, *corners in found)
                boxes += len(found)
    return boxes


def _photographs(folder):
    """Returns ([images], [their paths]), by name, of the .jpg and .png files of a folder that OpenCV reads."""
    import cv2

    paths = sorted(path for path in pathlib.Path(folder).glob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    read = [(image, path) for path in paths if path.is_file() and (image := cv2.imread(str(path))) is not None]
    if len(read) < 5:
        raise DataError("too few photographs", at=Place(str(folder)), got=len(read), want="5 or more .jpg or .png")
    return tuple(map(list, zip(*read)))


def main(_):
    """Reads the flags and makes both sets."""
    f = flags.FLAGS
    photographs, paths = _photographs(f.photographs)
    fifths, files = len(photographs) * 4 // 5, mnist.find_idx(pathlib.Path(f.mnist))
    if files is None:
        hint = "python -m data_prep.mnist --help says where to get them"
        raise DataError("not all four files of MNIST are there", at=Place(f.mnist), hint=hint)
    report = Report()
    for split, count, these in (("train", f.train, slice(fifths)), ("test", f.test, slice(fifths, None))):
        used = {f.mnist: files[split], f.photographs: paths[these]}
        _make(f, split, count, photographs[these], used, report)
    boxes, database = pathlib.Path(f.output, "train", "boxes.csv"), pathlib.Path(f.output, "train_lmdb")
    return report.then("database", "data_prep.detection", f"--source={boxes}", f"--output={database}", "--shuffle")


def _make(f, split, count, photographs, used, report):
    """Makes one set of `photographs` and the flags `f`; `used` are its {source: paths of its files}."""
    folder, hint = pathlib.Path(f.output, split), "remove it, or name another --output"
    made = {split: count, "classes": f.classes, "seed": f.seed}
    if folder.exists():
        if not f.verify_sources:
            raise DataError("already there", at=Place(str(folder)), hint=hint)
        common.check_folder(folder, made, lambda: used, True, hint)
        report.text(f"Nothing to do: {folder} is there, made of these sources.")
        return
    digits = mnist.read_split(*used[f.mnist])
    wanted = digits.labels < f.classes
    rng = np.random.default_rng([f.seed, split == "test"])
    made[sources.KEY] = sources.noted(used, f.verify_sources)
    with common.alone(f.output, f".{split}{lock.NAME}"), _new(folder) as partial:
        boxes = write(partial, count, rng, photographs, digits.images[wanted, ..., 0], digits.labels[wanted])
        (partial / sources.FILE).write_bytes(sources.text(made))
    report.text(f"{folder}: {count} images, {boxes} boxes").note_made(split, folder)


if __name__ == "__main__":
    flags.DEFINE_string("mnist", None, "Folder of MNIST's four IDX files, gzipped or not.", required=True)
    flags.DEFINE_string("photographs", None, "Folder of photographs (.jpg, .png).", required=True)
    flags.DEFINE_string("output", "data/digits", "Folder to make.")
    flags.DEFINE_integer("train", 3000, "Images of the training set.", lower_bound=1)
    flags.DEFINE_integer("test", 300, "Images of the test set.", lower_bound=1)
    flags.DEFINE_integer("classes", 3, "The digits 0 to this, exclusive.", 1, 10)
    flags.DEFINE_integer("seed", 1, "Of everything that is random.")
    sources.define_flag()
    common.run(main)
