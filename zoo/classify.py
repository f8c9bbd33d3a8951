"""Says what images show: the likeliest classes of each by a net and its weights, as Caffe's classify.py does.

  python -m zoo.classify --config=deploy.prototxt --weights=net.caffemodel --images=photo.jpg --mean_value=104,117,123
  python -m zoo.classify --config=lenet --weights=lenet_iter_10000.caffemodel --images=digits/ --top=3
  python -m zoo.classify --config=train_val.prototxt --weights=net.caffemodel --list=val.txt --root_folder=val/ --csv
  python -m zoo.classify --config=deploy.prototxt --weights=net.caffemodel --images=photos/ --output=scores.npy

Images are prepared as the config's data layer prepares them: its mean, scale, channels. A net to deploy says nothing of
that, so the flags have to. An image is brought to --images_dim, of which the middle is what the net sees or, with
--oversample, ten crops whose results are averaged: the corners and the middle, and their mirror images. That is the
default where --images_dim is larger than the net's input, such as 256 x 256 for 227 x 227, as in classify.py.

Classes are called as --labels says; without it ILSVRC2012's words where the net has 1,000, else their numbers. Where a
list gives labels, the share of images whose label came first, and among the first --top, is said at the end.
"""

import json
import pathlib

from absl import flags

from zoo import command, config_flag, given_files, image_paths, look_flags, user_code
from zoo.errors import DataError, OutputError, ZooError
from zoo.formats import class_names, limits
from zoo.progress import Progress
from zoo.report import Report

CONFIG = config_flag.define("Net to deploy or to train, or solver (prototxt), or the name of a packaged config.")
WEIGHTS = flags.DEFINE_list("weights", None, "Weights files (.caffemodel, .caffemodel.h5, our .keras).", required=True)
IMAGES = flags.DEFINE_list("images", [], "Image files, and directories of them.")
LIST = flags.DEFINE_string("list", None, "Text file with an image a line, or an image and its label, as Caffe's.")
ROOT = flags.DEFINE_string("root_folder", "", "What the names in --list are relative to.")
TOP = flags.DEFINE_integer("top", 5, "How many classes are said of each image.", lower_bound=1)
LABELS = flags.DEFINE_string(
    "labels", None, "Names of the classes: imagenet, cifar10, mnist, a file with a name a line, or a prepared split."
)
OVERSAMPLE = flags.DEFINE_bool(
    "oversample", None, "Average ten crops of each image. Default: where --images_dim is larger than the input."
)
DIMS = flags.DEFINE_list(
    "images_dim", [], "Height and width that images are brought to. Default: 256,256 for inputs of 224 or 227."
)
MEAN_VALUE = flags.DEFINE_list("mean_value", None, "What is subtracted: one number, or one a channel; 0 for nothing.")
MEAN_FILE = flags.DEFINE_string("mean_file", None, "Mean image (.binaryproto, or .npy as pycaffe has it).")
SCALE = flags.DEFINE_float("scale", None, "What the difference is multiplied by. Default: as the config says, or 1.")
RGB = flags.DEFINE_bool("rgb", False, look_flags.RGB_HELP)
BLOB = flags.DEFINE_string("blob", None, 'Blob with a value for each class. Default: the only output, or "prob".')
INPUT_SHAPE = flags.DEFINE_multi_string(
    "input_shape", [], "Caffe shape of the input where nothing else says it: 'data: 1,3,227,227'."
)
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where the config's mean file is looked for first.")
BATCH = flags.DEFINE_integer("batch", 10, "How many images are read and classified at once.", lower_bound=1)
CSV = flags.DEFINE_bool("csv", False, "Print CSV: image, rank, label, class, score.")
OUTPUT = flags.DEFINE_string(
    "output", None, "Write there what is said of the images; a name in .npy gets all scores as an array."
)
limits.define_flags(limits.MEMORY_BYTES)


def main():
    """Reads the flags, classifies, says or writes what was found."""
    images = _images()
    names = class_names.of(LABELS.value) if LABELS.value else None
    config_flag.check(CONFIG.value)
    given_files.check(WEIGHTS.value, outputs=[OUTPUT.value] if OUTPUT.value else [])
    command.quiet_tensorflow()
    user_code.load()
    from zoo.export import input_shapes
    from zoo.pycaffe import predictions
    from zoo.pycaffe.config_classifier import config_classifier, preparation_of

    preparation = preparation_of(MEAN_VALUE.value, MEAN_FILE.value, SCALE.value, RGB.value, DIMS.value)
    shapes = input_shapes.parse(INPUT_SHAPE.value) or None
    net, said = config_classifier(
        CONFIG.value, WEIGHTS.value, preparation, shapes, BLOB.value, DATA_DIR.value, BATCH.value
    )
    oversample = OVERSAMPLE.value
    if oversample is None:
        oversample = tuple(net.image_dims) != tuple(net.crop_dims)
    if not CSV.value:
        print(said + ("; ten crops of each" if oversample else "; the middle of each"), flush=True)
    found = []
    with Progress(len(images), unit="image") as progress:
        for first in range(0, len(images), BATCH.value):
            for path, label, scores in _classified(net, images[first : first + BATCH.value], oversample):
                names = names or class_names.of_count(len(scores))
                if len(names) != len(scores):
                    want = f"{len(scores)}, as the net has classes"
                    raise DataError("names of classes do not fit the net", got=f"{len(names)} names", want=want)
                found.append((path, label, scores))
                if not (CSV.value or command.wants_json() or OUTPUT.value):
                    progress.print(predictions.as_text(path, scores, names, TOP.value))
                progress.add()
    return _end(found, names)


def _images():
    """Returns [(path, label or None)] of what is to be classified."""
    if bool(IMAGES.value) == bool(LIST.value):
        raise ZooError("which images?", want="--images=FILE,FOLDER or --list=FILE")
    if CSV.value and command.wants_json():
        raise ZooError("--csv and --json exclude each other")
    if LIST.value:
        return image_paths.listed(LIST.value, ROOT.value)
    return [(path, None) for path in image_paths.images(IMAGES.value)]


def _classified(net, images, oversample):
    """Yields (path, label, scores) of images, classified at once."""
    from zoo.pycaffe.images import load_image

    color = net.blobs[net.inputs[0]].shape[1] == 3
    scores = net.predict([load_image(path, color) for path, _ in images], oversample)
    for (path, label), row in zip(images, scores.reshape(len(images), -1)):
        yield path, label, row


def _end(found, names):
    """Writes all that was found to --output; returns the `Report`: how much of it is right, where labels are known."""
    from zoo.pycaffe import predictions

    if CSV.value and not OUTPUT.value:
        return Report().text(predictions.as_csv(found, names, TOP.value).rstrip("\n"))
    report = Report(f"{len(found)} image{'s' * (len(found) != 1)} classified.")
    report.more |= predictions.as_plain(found, names, TOP.value)
    labelled = [(label, list(predictions.best(scores, TOP.value))) for _, label, scores in found if label is not None]
    if labelled:
        first = sum(best[0] == label for label, best in labelled) / len(labelled)
        top = sum(label in best for label, best in labelled) / len(labelled)
        report.score("label first", first, f"label first {first:.4f}")
        report.score(f"among the first {TOP.value}", top, f"among the first {TOP.value} {top:.4f}")
    if not OUTPUT.value:
        return report.then_typed("keep", command.same("--csv", "--output=classes.csv"))
    _write(_contents(predictions, found, names))
    return report.made("scores" if OUTPUT.value.endswith(".npy") else "classes", OUTPUT.value)


def _contents(predictions, found, names):
    """Returns the bytes of --output."""
    if OUTPUT.value.endswith(".npy"):
        return predictions.as_npy([scores for _, _, scores in found])
    if CSV.value:
        return predictions.as_csv(found, names, TOP.value).encode()
    if command.wants_json():
        return f"{json.dumps(predictions.as_plain(found, names, TOP.value), indent=1)}\n".encode()
    return "".join(f"{predictions.as_text(path, scores, names, TOP.value)}\n" for path, _, scores in found).encode()


def _write(data):
    from zoo.formats import atomic

    with atomic.replacing(pathlib.Path(OUTPUT.value), OutputError) as file:
        file.write(data)


if __name__ == "__main__":
    command.run(main)
