"""Converts images from one form into another: lists of files, LMDB, LevelDB, TFRecord shards.

    python -m data_prep.databases --source=train.txt --root_folder=images/ --backend=lmdb --output=train_lmdb
    python -m data_prep.databases --source=train_lmdb --backend=records --output=data/mine/train
    python -m data_prep.databases --source=data/mnist/train --backend=leveldb --output=mnist_train_leveldb

From a list it does what convert_imageset does, with its flags: pixels resized by OpenCV's bilinear rule, BGR or --gray,
the keys numbered; --encoded keeps image files as they are where nothing has to change. An image that cannot be
decoded ends it, unless --skip_corrupt, which leaves such out and lists them; Caffe does so without being asked. From
databases and shards images go over as they are, encoded or not, unless a flag asks for a change. --backend=list
writes each image as a file, and list.txt next to them.
"""

import pathlib
import shutil

from absl import flags

from data_prep import common, image_writers, sources
from data_prep.image_readers import define_resize, open_source, paths, resize_of
from data_prep.image_transforms import ImageTransform, TransformedImages
from zoo import terminal
from zoo.errors import DataError, Place
from zoo.formats import lock, shard_check
from zoo.formats.databases import database_kind
from zoo.progress import Progress
from zoo.report import Report


def convert(output, backend, source, change, *, check_size=False, skip_corrupt=False, **options):
    """Writes an `ImageSource` in another form; returns its `TransformedImages`, and the `Card` of shards, else None.

    Args:
        output: the folder of a database or list; the prefix of a split.
        backend: "lmdb", "leveldb", "records" or "list".
        source: the `ImageSource`.
        change: the `ImageTransform`.
        check_size, skip_corrupt: see `TransformedImages`.
        options: `made` of each writer; `shards`, `prepare` and `names` of `image_writers.to_records`.

    Raises:
        DataError: damaged images, an output that is there, or a form that cannot hold what there is.
    """
    items, card = TransformedImages(source, change, check_size, skip_corrupt), None
    with Progress(source.count, pathlib.PurePath(output).name, "image") as progress:
        stream = progress.over(items)
        if backend == "records":
            card = image_writers.to_records(output, stream, items, source, **options)
        elif backend == "list":
            image_writers.to_list(output, stream, **options)
        else:
            image_writers.to_database(output, backend, stream, **options)
    return items, card


def main(_):
    """Reads the flags, converts, and says the numbers."""
    f = flags.FLAGS
    resize, prefix = resize_of(f), pathlib.Path(f.output)
    encode = (f.encode_type or "").lower() if f.encoded or f.encode_type else None
    made = {
        "source": f.source,
        "gray": f.gray,
        "resize": "x".join(map(str, resize)) if resize else "no",
        "shuffle": f.seed if f.shuffle else "no",
        "encode": "no" if encode is None else encode or "as named",
    }
    if f.backend == "records":
        made |= {"shards": f.shards, "feature_names": f.feature_names}

    def files():
        return paths(f.source, f.root_folder)

    if f.backend == "records" and not f.force:
        cards = common.finished(prefix.parent, [prefix.name], made, files, f.verify_sources)
        if cards:
            print(f"Nothing to do: {prefix} is complete (--force prepares it again).")
            return _mean_next(common.describe(prefix.parent, cards), prefix)
    elif f.verify_sources and prefix.exists() and not f.force:
        common.check_folder(prefix, made, files, True, "remove it, or name another --output")
        return _mean_next(Report(f"Nothing to do: {prefix} is there, made of these sources."), prefix)
    source = open_source(f.source, f.root_folder, f.seed if f.shuffle else None, f.verify_shards)
    is_list = source.kind == "list"
    if encode == "" and not is_list:
        raise DataError("only the names of a list tell how to encode", at=Place(f.source), hint="--encode_type=jpg")
    options = {"check_size": f.check_size, "skip_corrupt": f.skip_corrupt}
    options["made"] = {**made, sources.KEY: sources.noted(files(), f.verify_sources)}
    if f.backend == "records":
        options |= {
            "shards": f.shards,
            "prepare": f"python -m data_prep.databases {common.flags_set(f, one='backend')} --force",
        }
        options["names"] = f.feature_names
    with common.alone(prefix.parent, lock.NAME if f.backend == "records" else f".{prefix.name}{lock.NAME}"):
        if f.force and database_kind(prefix):
            shutil.rmtree(prefix)
        items, card = convert(f.output, f.backend, source, ImageTransform(f.gray, resize, encode, is_list), **options)
    for message in items.skipped:
        terminal.warning(message, "SKIPPED")
    if card:
        return _mean_next(common.describe(prefix.parent, {prefix.name: card}), prefix)
    sizes = " and ".join(f"{h} x {w}" for h, w in sorted(items.sizes)[:3]) + " ..." * (len(items.sizes) > 3)
    count, used = source.count - len(items.skipped), prefix / "list.txt" if f.backend == "list" else prefix
    report = Report().text(f"{f.output}: {count} images of {sizes} (H x W), {f.backend}")
    report.text(f'  in a prototxt: source: "{used}"').note_made(f.backend, prefix)
    report.more |= {"images": count, "skipped": items.skipped}
    return _mean_next(report, used) if len(items.sizes) == 1 else report


def _mean_next(report, source):
    mean = source.parent / f"{source.name}_mean.binaryproto"
    return report.then("mean image", "data_prep.mean_image", f"--source={source}", f"--output={mean}")


if __name__ == "__main__":
    flags.DEFINE_string("source", None, "List of images, LMDB, LevelDB, split of shards or of TFDS.", required=True)
    flags.DEFINE_string("output", None, "Database or directory to make, or split of shards.", required=True)
    flags.DEFINE_enum("backend", "lmdb", ["lmdb", "leveldb", "records", "list"], "The form to write.")
    flags.DEFINE_string("root_folder", "", "Put before the names of a list, as it stands; a directory needs its /.")
    flags.DEFINE_bool("gray", False, "Convert images to gray.")
    flags.DEFINE_bool("shuffle", False, "Shuffle a list.")
    flags.DEFINE_integer("seed", 0, "Seed of the shuffling.")
    flags.DEFINE_bool("check_size", False, "Fail where an image differs in size from the first.")
    flags.DEFINE_bool("encoded", False, "Store encoded image files, in the format that their names say.")
    flags.DEFINE_string("encode_type", None, "Store encoded image files of this format, such as jpg or png.")
    flags.DEFINE_bool("skip_corrupt", False, "Leave out images that cannot be decoded, and list them.")
    flags.DEFINE_integer("shards", 10, "How many files a split has at most.", lower_bound=1)
    flags.DEFINE_bool("force", False, "Make it again even if it is already there.")
    common.define_feature_names()
    define_resize()
    shard_check.define_flag()
    sources.define_flag()
    common.run(main)
