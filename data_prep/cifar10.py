"""Writes CIFAR-10 as TFRecord shards.

    python -m data_prep.cifar10 --source=DIRECTORY [--output_dir=data/cifar10]

DIRECTORY holds the binary version (``data_batch_1.bin``), the Python version (``data_batch_1``), the directory that an
archive unpacks to, or the archive itself, ``cifar-10-binary.tar.gz`` or ``cifar-10-python.tar.gz``, from
https://www.cs.toronto.edu/~kriz/cifar.html; it may be the archive, too. The order of the files is kept, and so is that
of the planes, red first: Caffe's nets for CIFAR-10 were trained on them so, not on BGR. Failing these, DIRECTORY holds
image files in class folders, ``train/cat/0001.jpg`` or ``train.tar`` with the same inside, and ``test`` likewise; they
are shuffled by --seed, as they come class by class.

With --pad=4 each image gets a border of zeros, for recipes that crop 32 x 32 out of 40 x 40. Give the mean of the
padded images as mean_file: in the border it is zero, too, so that zeros stay there after it is subtracted.
"""

import pathlib
import tarfile
from typing import NamedTuple

import numpy as np
from absl import flags

from data_prep import batch_pickle, cifar10_images, common, official, sources, tar_members
from data_prep.images import read_file
from zoo.errors import DataError, Place
from zoo.formats import class_names, limits

SPLITS = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}
SHAPE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32  # bytes of the binary version: the label, then the planes
SHARDS = 10
MOST_PADDING = 64  # pixels on each side
BATCHES = sorted(name + end for names in SPLITS.values() for name in names for end in (".bin", ""))
FOLDERS = ("", "cifar-10-batches-bin", "cifar-10-batches-py")
ARCHIVES = ("cifar-10-binary.tar.gz", "cifar-10-python.tar.gz", "cifar-10-binary.tar", "cifar-10-python.tar")


class Split(NamedTuple):
    """Images: `images` uint8 (N, 32, 32, 3), RGB, and `labels` (N,)."""

    images: np.ndarray
    labels: np.ndarray


def load(source, seed=0):
    """Returns {split: `Split`} of the CIFAR-10 at `source`; raises DataError where it is missing or damaged.

    `seed` is that of the order of images in class folders; batches keep theirs.
    """
    source = pathlib.Path(source)
    folders = _folders(source)
    if folders:
        return {split: Split(*cifar10_images.load(held, class_names.CIFAR10, seed)) for split, held in folders.items()}
    files = _files(source)
    return {split: _join([_batch(files, name) for name in names]) for split, names in SPLITS.items()}


def padded(split, pad):
    """Returns the `Split` with `pad` zeros on each of the four sides of every image."""
    return split._replace(images=np.pad(split.images, ((0, 0), (pad, pad), (pad, pad), (0, 0))))


def _folders(source):
    """Returns {split: archive or directory of image files}; None where there are none, or batches, which go first."""
    return None if _found(source) else cifar10_images.sources(source, SPLITS)


def _join(batches):
    images = np.concatenate([images for images, _ in batches])
    return Split(images.transpose(0, 2, 3, 1), np.concatenate([labels for _, labels in batches]))


def _files(source):
    """Returns {file name: (place, bytes)} of the batches at `source`."""
    paths = _paths(source)
    if len(paths) != 1 or paths[0].name in BATCHES:
        return {path.name: (Place(str(path)), read_file(path)) for path in paths}
    try:
        with tarfile.open(paths[0]) as tar:
            return {pathlib.PurePath(m.name).name: _member(tar, m, paths[0]) for m in tar if _is_batch(m)}
    except DataError:
        raise
    except Exception as e:  # tarfile and its decompressors raise of all kinds for damaged archives
        raise DataError("not an archive of CIFAR-10", at=Place(str(paths[0])), got=str(e)) from e


def _paths(source):
    """Returns the files that are read: the batches at `source`, or the one archive; raises DataError."""
    found = _found(source)
    if not found:
        want = f"data_batch_1.bin, data_batch_1, one of {', '.join(ARCHIVES[:2])}, or train and test with image files"
        got = "no such directory" if not source.exists() else "none of these"
        raise DataError("no CIFAR-10", at=Place(str(source)), got=got, want=want)
    return found


def _found(source):
    """Returns the batches at `source`, or the one archive; an empty list where there is neither."""
    for folder in FOLDERS:
        found = [source / folder / name for name in BATCHES if (source / folder / name).is_file()]
        if found:
            return found
    if source.is_file():
        return [source]
    return [source / name for name in ARCHIVES if (source / name).is_file()][:1]


def _is_batch(member):
    return member.isreg() and not member.issparse() and pathlib.PurePath(member.name).name in BATCHES


def _member(tar, member, archive):
    """Returns (place, bytes) of a batch in an archive."""
    at = Place(f"{archive}: {tar_members.text(member.name)}")
    limits.UNPACKED_BYTES.check(member.size, DataError, "a batch that is too large", at)
    return at, tar.extractfile(member).read()


def _batch(files, name):
    """Returns (uint8 (N, 3, 32, 32), labels (N,)) of one batch, in either version."""
    for file, read in ((f"{name}.bin", _binary), (name, _pickled)):
        if file in files:
            at, data = files[file]
            images, labels = read(data, at)
            if not len(labels) or labels.min() < 0 or labels.max() >= len(class_names.CIFAR10):
                got = f"labels from {labels.min()} to {labels.max()}" if len(labels) else "no images"
                raise DataError("not a batch of CIFAR-10", at=at, got=got, want="labels from 0 to 9")
            return images, labels
    at = Place(", ".join(sorted(files)) or "the archive")
    raise DataError("a batch of CIFAR-10 is missing", at=at, want=f"{name}.bin or {name}")


def _binary(data, at):
    if not data or len(data) % RECORD:
        raise DataError("not a batch of CIFAR-10", at=at, got=f"{len(data)} bytes", want=f"a multiple of {RECORD}")
    rows = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    return rows[:, 1:].reshape(-1, *SHAPE), rows[:, 0].astype(np.int64)


def _pickled(data, at):
    try:
        images, labels = batch_pickle.read(data)
    except Exception as e:  # a damaged pickle may raise anything
        raise DataError("not a batch of CIFAR-10", at=at, got=f"{type(e).__name__}: {str(e)[:200]}") from e
    if images.dtype != np.uint8 or images.shape != (len(labels), RECORD - 1):
        got = f"data {images.shape} of {images.dtype}, {len(labels)} labels"
        want = f"data (N, {RECORD - 1}) of uint8 and N labels"
        raise DataError("not a batch of CIFAR-10", at=at, got=got, want=want)
    return images.reshape(-1, *SHAPE), labels


def prepare(output_dir, source, *, shards=None, pad=0, seed=0, force=False, feature_names="tfds", verify_sources=False):
    """Writes the splits "train" and "test" under `output_dir` unless they are there; returns {split: `Card`}.

    With `pad` the images get that many zeros on each side. `seed` is that of the order of images in class folders. With
    `verify_sources` what `source` names is held against what cards that are there say of it.
    """
    folders = _folders(pathlib.Path(source))

    def files():
        return cifar10_images.paths(folders) if folders else {str(source): _paths(pathlib.Path(source))}

    wanted = {"source": str(source), "shards": shards, "feature_names": feature_names, "pad": pad}
    if folders:
        wanted["seed"] = seed
    if not force:
        cards = common.finished(output_dir, SPLITS, wanted, files, verify_sources, unsaid={"pad": 0})
        if cards:
            print(f"Nothing to do: {output_dir} is complete (--force prepares it again).")
            return cards
    splits = {name: padded(split, pad) for name, split in load(source, seed).items()}
    made = {**wanted, "shards": SHARDS if shards is None else shards}
    made["title"] = _title(splits, folders)
    made["order"] = "shuffled by the seed" if folders else "as in the source"
    options = f"--source={source} --output_dir={output_dir} --feature_names={feature_names}"
    options += f" --pad={pad}" * bool(pad) + f" --seed={seed}" * bool(folders)
    command = f"python -m data_prep.cifar10 {options} --force"
    with common.alone(output_dir):
        made[sources.KEY] = sources.noted(files(), verify_sources)
        return {
            split: common.write_arrays(
                output_dir,
                split,
                *arrays,
                made["shards"],
                class_names.CIFAR10,
                command,
                made | official.noted("CIFAR-10", split, len(arrays.labels)),
                feature_names,
            )
            for split, arrays in splits.items()
        }


def _title(splits, folders):
    """Returns what these images are, for people; CIFAR-10 only where there are as many as in it."""
    whole = {split: len(arrays.labels) for split, arrays in splits.items()} == {"train": 50_000, "test": 10_000}
    name = "CIFAR-10" if whole else "images in the form of CIFAR-10, NOT CIFAR-10"
    return f"{name}, from image files" if folders else name


def main(_):
    """Reads the flags, prepares, and says the numbers."""
    f = flags.FLAGS
    options = {"shards": f.shards, "pad": f.pad, "seed": f.seed, "force": f.force, "feature_names": f.feature_names}
    options["verify_sources"] = f.verify_sources
    report = common.describe(f.output_dir, prepare(f.output_dir, f.source, **options))
    folder = pathlib.Path(f.output_dir)
    mean = [f"--source={folder / 'train'}", f"--output={folder / 'mean.binaryproto'}"]
    report.then("mean image", "data_prep.mean_image", *mean)
    return common.train_next(report, folder, "cifar10", "cifar10_quick") if not f.pad else report


if __name__ == "__main__":
    flags.DEFINE_string(
        "source",
        None,
        "Directory of the batches, or of the archive, or the archive; or a directory with train and test, or train.tar "
        "and test.tar, that hold image files in a folder for each class.",
        required=True,
    )
    flags.DEFINE_string("output_dir", "data/cifar10", "Where to write the shards.")
    flags.DEFINE_integer("shards", None, f"Files per split; by default {SHARDS}.", lower_bound=1)
    flags.DEFINE_integer(
        "pad",
        0,
        "Zeros put on each side of every image, for recipes that crop: with --pad=4 the images are 40 x 40, and "
        "`crop_size: 32` takes a place at random in TRAIN and the centre in TEST. Make the mean image of these, too.",
        lower_bound=0,
        upper_bound=MOST_PADDING,
    )
    flags.DEFINE_integer("seed", 0, "Seed of the shuffling of images in class folders; batches keep their order.")
    common.define_feature_names()
    sources.define_flag()
    flags.DEFINE_bool("force", False, "Prepare again even if it is already there.")
    common.run(main)
