"""From the `source` of a data layer to the source that reads it, by what is there."""

import pathlib
import re
from typing import NamedTuple

from absl import logging

from zoo.errors import DataError, did_you_mean
from zoo.formats import records, tfds
from zoo.formats.databases import Database, database_kind
from zoo.formats.paths import candidates
from zoo.formats.records import Card, card_path

TUTORIAL = re.compile(r"(?P<name>.+?)[_-](?P<split>[a-z]+)[_-](lmdb|leveldb)", re.I)
BARE = re.compile(r"(?P<split>train|val|test)[_-](lmdb|leveldb)", re.I)
SET_NAMES = {"ilsvrc12": "imagenet"}  # Caffe's name for a data set -> that of the command that prepares it
SHARD = re.compile(r"-[?*\d]+(-of-[?*\d]+)?(\.tfrecord)?$|-\*$")


class Found(NamedTuple):
    """What a name means: `path` of a split of shards, with its `Card`, or of a database, whose card is None."""

    path: pathlib.Path
    card: Card | None

    @property
    def count(self):
        """How many records there are; a LevelDB has to be read through to tell."""
        return self.card.count if self.card else Database(self.path).count


def find_source(name, *, at=None, data_dir=None, file=None, hint=None):
    """Returns the `Found` that `name` means; loads no TensorFlow.

    A name is the prefix of a split of TFRecord shards (``data/mnist/train``), the pattern or name of its shards
    (``data/mnist/train-*.tfrecord``), its card (``data/mnist/train.json``), or a directory that holds just one split;
    such a directory may be one that TensorFlow Datasets prepared (``~/tensorflow_datasets/mnist/3.0.1/train``). Or it
    is an LMDB or LevelDB. Where none of these is there, a database's name as Caffe's tutorials have it,
    ``examples/mnist/mnist_train_lmdb``, means the split or database ``mnist/train``, and the log says so.

    Args:
        name: `data_param.source`.
        at: the `Place` of the field.
        data_dir, file: where to look besides the working directory; see `candidates`.
        hint: how such data are prepared; by default by what the name seems to mean.

    Raises:
        DataError: nothing is there, or its card is damaged, or a directory holds several splits.
    """
    hint = hint or prepare_hint(name)
    tried = candidates(name, data_dir, file)
    for path in tried:
        prefix = _prefix(path)
        if card_path(prefix).is_file():
            return Found(prefix, records.read_card(prefix, hint))
        if database_kind(path):
            return Found(path, None)
        if path.is_dir():
            prefix = _only_split(path, name, at, hint)
            return Found(prefix, _tfds_card(prefix) or records.read_card(prefix, hint))
        if tfds.is_folder(prefix.parent):
            return Found(prefix, tfds.read_card(prefix))
        if any(path.parent.glob(f"{_literal(prefix.name)}-?????-of-?????.tfrecord")):
            raise DataError(f'source "{name}" has shards without their card', at=at, want=card_path(prefix), hint=hint)
    split = split_of(name)
    if split:
        tried += candidates(split, data_dir, file)
        for path in candidates(split, data_dir, file):
            if card_path(path).is_file() or database_kind(path):
                logging.info('%s: source "%s" is not there; reading %s in its place', at, name, path)
                return find_source(str(path), at=at, hint=hint)
    files = [path for path in tried if path.is_file()]
    if files:
        want = "a split of TFRecord shards, an LMDB or a LevelDB"
        raise DataError(f'source "{name}" is no source', at=at, got=f"the file {files[0]}", want=want, hint=hint)
    hint = _split_hint(tried) or hint
    raise DataError(f'source "{name}" is not there, tried {", ".join(map(str, tried))}', at=at, hint=hint)


def open_source(name, *, at=None, data_dir=None, file=None, force=None, resize=None):
    """Returns the source that `name` means, as `find_source` finds it.

    Args:
        name, at, data_dir, file: as for `find_source`.
        force, resize: see `RecordsSource`.

    Raises:
        DataError: nothing is there, or it is damaged, or a directory holds several splits.
    """
    from zoo.input.sources.databases import DatabaseSource
    from zoo.input.sources.records import RecordsSource

    found = find_source(name, at=at, data_dir=data_dir, file=file)
    if found.card is None:
        return DatabaseSource(found.path, force=force, resize=resize)
    return RecordsSource(found.path, card=found.card, force=force, resize=resize, at=at)


def split_of(name):
    """Returns the split that stands for a tutorial's database, such as "imagenet/val" for ".../ilsvrc12_val_lmdb".

    A name that does not say the set, ``train_lmdb``, is of the set that its directory is called after, such as
    "imagenet/val" for "data/ilsvrc12/val_lmdb". None for a name of another form.
    """
    path = pathlib.PurePath(name)
    bare = BARE.fullmatch(path.name)
    if bare and path.parent.name not in ("", ".."):
        return f"{SET_NAMES.get(path.parent.name, path.parent.name)}/{bare['split']}"
    match = TUTORIAL.fullmatch(path.name)
    if bare or not match:
        return None
    return f"{SET_NAMES.get(match['name'], match['name'])}/{match['split']}"


def prepare_hint(name):
    """Returns how to prepare what `name` seems to be, and what to call it then."""
    low = name.lower()
    split = ("val", "train") if re.search(r"imagenet|ilsvrc", low) else ("test", "train")
    split = split[0] if re.search(r"test|val", low) else split[1]
    if "siamese" in low:
        return f'python -m data_prep.siamese_mnist, then source: "data/mnist_siamese/{split}"'
    if "mnist" in low:
        return f'python -m data_prep.mnist, then source: "data/mnist/{split}"'
    if re.search(r"imagenet|ilsvrc", low):
        return f'python -m data_prep.imagenet --source=ARCHIVE_OR_FOLDER, then source: "data/imagenet/{split}"'
    if "cifar10" in low:
        return f'python -m data_prep.cifar10 --source=DIRECTORY_OR_ARCHIVE, then source: "data/cifar10/{split}"'
    return "data_prep/README.md says how data is prepared, and --data_dir where it lies"


def _prefix(path):
    name = path.name
    name = name.removesuffix(".json") if name.endswith(".json") else SHARD.sub("", name)
    return path.with_name(name) if name else path


def _split_hint(tried):
    """Returns which split next to where one was looked for is meant, and which there are; None where none is near."""
    for path in tried:
        splits = [split.name for split in records.prefixes(path.parent) if any(path.parent.glob(f"{split.name}-*"))]
        if near := did_you_mean(path.name, splits):
            return f"{path.parent} has {', '.join(splits)}; {near}"
    return None


def _literal(name):
    return re.sub(r"([\[\]?*])", r"[\1]", name)


def _only_split(folder, name, at, hint):
    """Returns the prefix of the one split in `folder`, ours or of TensorFlow Datasets; raises DataError."""
    splits = records.prefixes(folder)
    if not splits and tfds.is_folder(folder):
        splits = [folder / split for split in tfds.split_names(folder)]
    if not splits:
        found = (path.parent for depth in ("*", "*/*") for path in folder.glob(f"{depth}/{records.DESCRIPTION[0]}"))
        below = sorted(found)
        hint = f'name a split in it, such as "{below[-1]}/train"' if below else hint
        raise DataError(f'source "{name}" is a directory without a split of TFRecord shards', at=at, hint=hint)
    if len(splits) > 1:
        got = f"splits {', '.join(p.name for p in splits)}"
        raise DataError(f'source "{name}" holds several splits', at=at, got=got, hint=f'name one: "{splits[0]}"')
    return splits[0]


def _tfds_card(prefix):
    return None if card_path(prefix).is_file() else tfds.read_card(prefix)
