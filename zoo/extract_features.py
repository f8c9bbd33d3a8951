"""Writes the values of any blobs of a net over its data or over images, as Caffe's extract_features does.

  python -m zoo.extract_features --config=lenet --weights=lenet.caffemodel --blobs=ip1,label --output=ip1.h5
  python -m zoo.extract_features --config=train_val.prototxt --weights=A.caffemodel --blobs=fc6,fc7 \\
      --output=fc6_lmdb,fc7_lmdb --iterations=10
  python -m zoo.extract_features --config=deploy.prototxt --weights=A.caffemodel --blobs=fc7 --images=photos/ \\
      --mean_value=104,117,123 --output=fc7.npz

The net runs in TEST over its own data layers, one pass over the data unless --iterations says how many batches; or,
with --images or --list, over images, prepared as zoo.classify prepares them, the middle of each, in the order given.

The ending of --output says the form:
  .h5          a dataset for each blob, (items, ...)
  .npz         an array for each blob; all of it is held in memory
  .tfrecord    a tf.train.Example for each item: of each blob its values, and its shape under NAME/shape
  lmdb         a database of Datums with float_data, as Caffe's tool writes them, one name for each blob
  leveldb      the same as LevelDB
A file appears under its name when it is whole. What takes longer than half a minute is kept in OUTPUT.parts as it
goes, and the same command continues from there; what was kept for another net, weights, data or images is removed.
"""

import functools
import os

from absl import flags

from zoo import command, config_flag, given_files, image_paths, look_flags, user_code
from zoo.errors import DataError, Place, ZooError
from zoo.formats import atomic, digest, feature_files, feature_parts, limits, shard_check
from zoo.progress import Progress, waiting
from zoo.report import Report

CONFIG = config_flag.define("Net or solver (prototxt), or the name of a packaged config.")
WEIGHTS = flags.DEFINE_list("weights", None, "Weights files (.caffemodel, .caffemodel.h5, our .keras).", required=True)
BLOBS = flags.DEFINE_list("blobs", None, "Names of the blobs to write.", required=True)
OUTPUT = flags.DEFINE_list("output", None, "Where to write; for databases one name for each blob.", required=True)
ITERATIONS = flags.DEFINE_integer("iterations", None, "Batches. Default: one pass over the data.", lower_bound=1)
PHASE = flags.DEFINE_enum("phase", "TEST", ["TEST", "TRAIN"], "Whose data layers are read; layers act as in TEST.")
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where data sources are looked for first.")
LEVEL = flags.DEFINE_integer("level", None, "Level of the net's state.")
STAGE = flags.DEFINE_list("stage", [], "Stages of the net's state.")
VERIFY_SHARDS = shard_check.define_flag()
IMAGES = flags.DEFINE_list("images", [], "Image files, and directories of them, to run over instead of the net's data.")
LIST = flags.DEFINE_string("list", None, "Text file with an image a line, or an image and its label.")
ROOT = flags.DEFINE_string("root_folder", "", "What the names in --list are relative to.")
MEAN_VALUE = flags.DEFINE_list("mean_value", None, "With images: what is subtracted, one number or one a channel.")
MEAN_FILE = flags.DEFINE_string("mean_file", None, "With images: mean image (.binaryproto, or .npy).")
SCALE = flags.DEFINE_float("scale", None, "With images: what the difference is multiplied by.")
RGB = flags.DEFINE_bool("rgb", False, f"With images. {look_flags.RGB_HELP}")
DIMS = flags.DEFINE_list("images_dim", [], "With images: height and width that they are brought to before the crop.")
BATCH = flags.DEFINE_integer("batch", 10, "With images: how many are read at once.", lower_bound=1)
INPUT_SHAPE = flags.DEFINE_multi_string(
    "input_shape", [], "With images: Caffe shape of the input: 'data: 1,3,227,227'."
)
limits.define_flags(limits.MEMORY_BYTES)
OF_DATA = (ITERATIONS, PHASE, LEVEL, STAGE, VERIFY_SHARDS)
OF_IMAGES = (ROOT, MEAN_VALUE, MEAN_FILE, SCALE, RGB, DIMS, BATCH, INPUT_SHAPE)


def main():
    """Reads the flags, runs the net, writes what its blobs hold."""
    forms = {feature_files.form_of(path) for path in OUTPUT.value}
    if len(forms) > 1:
        raise ZooError("--output names several forms", got=", ".join(sorted(forms)), want="one")
    (form,) = forms
    if len(set(BLOBS.value)) < len(BLOBS.value):
        raise ZooError("a blob is named twice in --blobs", got=",".join(BLOBS.value))
    images = _images()
    if unread := [f"--{flag.name}" for flag in (OF_DATA if images else OF_IMAGES) if flag.present]:
        got, want = ", ".join(unread), "the net's own data" if images else "--images or --list"
        raise ZooError("a flag that nothing would read", got=got, want=f"{want} with it")
    config_flag.check(CONFIG.value)
    given_files.check(WEIGHTS.value, outputs=OUTPUT.value, directory=form in feature_files.PER_BLOB)
    command.quiet_tensorflow()
    user_code.load()
    with shard_check.check_if(VERIFY_SHARDS.value) as shards:
        settle = functools.partial(shards.settle, "the features were written") if shards else lambda: None
        with feature_parts.keeping(OUTPUT.value[0], BLOBS.value, settle) as parts:
            total, batches = _of_images(images, parts) if images else _of_data(shards, parts)
            with feature_files.writing(OUTPUT.value, BLOBS.value, form) as add:
                shapes = _write(total, batches, parts, add)
                settle()
    report = Report(f"{len(shapes)} blob{'s' * (len(shapes) != 1)} of {total} items written.")
    for blob, shape in shapes.items():
        report.text(f"  {blob}: {' x '.join(map(str, (total, *shape)))}")
    report.more["shapes"] = {blob: (total, *shape) for blob, shape in shapes.items()}
    for path in OUTPUT.value:
        report.made("features", path)
    return report.then_typed("open", feature_files.how_to_open(OUTPUT.value[0], form, BLOBS.value[0]))


def _images():
    if IMAGES.value and LIST.value:
        raise ZooError("--images and --list exclude each other")
    if LIST.value:
        return [path for path, _ in image_paths.listed(LIST.value, ROOT.value)]
    return image_paths.images(IMAGES.value)


def _of_data(shards, parts):
    from zoo.netdef.config import open_config
    from zoo.training.features import features

    definition = open_config(CONFIG.value).definition(PHASE.value, LEVEL.value, tuple(STAGE.value), DATA_DIR.value)

    def begin(request):
        if request is None:
            return parts.begin(None)
        more = {"blobs": BLOBS.value, "iterations": ITERATIONS.value, "layer types": user_code.given()}
        return parts.begin({**request, **{name: repr(value) for name, value in more.items()}})

    return features(definition, WEIGHTS.value, BLOBS.value, ITERATIONS.value, DATA_DIR.value, shards, begin)


def _of_images(paths, parts):
    from zoo.export import input_shapes
    from zoo.pycaffe.config_classifier import image_net, preparation_of
    from zoo.pycaffe.images import load_image

    how = preparation_of(MEAN_VALUE.value, MEAN_FILE.value, SCALE.value, RGB.value, DIMS.value)
    shapes = input_shapes.parse(INPUT_SHAPE.value) or None
    net, said = image_net(CONFIG.value, WEIGHTS.value, how, shapes, BLOBS.value, DATA_DIR.value, BATCH.value)
    print(said, flush=True)
    color = net.blobs[net.inputs[0]].shape[1] == 3
    start = parts.begin(_image_request(paths, net, said))

    def batches():
        for first in range(start, len(paths), BATCH.value):
            yield net.features([load_image(path, color) for path in paths[first : first + BATCH.value]], BLOBS.value)

    return len(paths), batches()


def _image_request(paths, net, said):
    """Returns what the features of images follow from, as `FeatureParts.begin` takes it."""
    layers = [layer.message.SerializeToString(deterministic=True) for layer in net.definition.layers]
    means = [mean.tobytes() for mean in net.transformer.mean.values()]
    return {
        "net": digest.digest(*layers),
        "layer types": repr(user_code.given()),
        "weights": digest.digest([atomic.sha256(file) for file in WEIGHTS.value]),
        "preparation": digest.digest(said, *means),
        "images": digest.digest([_stamp(path) for path in paths]),
        "flags": repr([flag.value for flag in (BLOBS, *OF_IMAGES)]),
    }


def _stamp(path):
    """Returns what tells an image file from what it was before: path, size and time."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise DataError("cannot read the image", at=Place(str(path)), got=error.strerror) from error
    return str(path), found.st_size, found.st_mtime_ns


def _write(total, batches, parts, add):
    """Adds all batches, those that an earlier run kept before them; returns {blob: shape of an item}."""
    shapes = {}
    if parts.items:
        command.say(f"continuing: {parts.items} of {total} items are there")
    with Progress(total, start=parts.items) as progress:
        for rows in batches:
            parts.add(rows)
            progress.to(parts.items)
    with waiting("Writing"):
        for rows in parts.rows():
            add(rows)
            shapes = {blob: array.shape[1:] for blob, array in rows.items()}
    return shapes


if __name__ == "__main__":
    command.run(main)
