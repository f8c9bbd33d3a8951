"""Describes a directory of splits so that ``tfds.builder_from_directory`` opens it.

features.json, dataset_info.json and the names of the classes follow from the cards in the directory, and are written by
TensorFlow Datasets' own code. They speak of splits that lie whole and of no others: who replaces a split takes its card
away first and has the directory described again, then once more when the new card is there.
"""

import contextlib
import fcntl
import os
import pathlib
import re
import tempfile

from absl import logging

from zoo.errors import DataError
from zoo.formats import atomic, box_records, records, regular
from zoo.formats.box_records import has_boxes
from zoo.formats.records import DESCRIPTION
from zoo.formats.tfds import FRAMING, OURS

TEMPLATE = "{SPLIT}-{SHARD_X_OF_Y}.{FILEFORMAT}"  # what `records.shard_name` makes
LABELS = [f"{names['label'].replace('/', '.')}.labels.txt" for names in records.NAMES.values()]
LABELS.append(f"{box_records.FEATURES['label'].replace('/', '-')}.labels.txt")  # as TFDS calls that of a sequence
VERSION = "1.0.0"


def describe(folder):
    """Brings the description of `folder` to what its cards say; does nothing where it says so already.

    Without cards, or where one description cannot hold for all splits, there is none; the log says why.

    Raises:
        DataError: a disk that is full.
    """
    folder = pathlib.Path(folder)
    with _alone(folder):
        cards = records.cards(folder)
        if _lengths(folder) == {name: [shard.count for shard in card.shards] for name, card in cards.items()}:
            return
        why = _unlike(cards)
        if why:
            logging.warning("%s: TensorFlow Datasets will not open this directory: %s", folder, why)
        _replace(folder, _texts(folder, cards) if cards and not why else {})


@contextlib.contextmanager
def _alone(folder):
    """Keeps other processes from describing `folder` meanwhile, where its file system can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _lengths(folder):
    """Returns {split: records of each shard} as `folder` is described; {} where it is not."""
    try:
        info, _ = (regular.read_json(folder / name) for name in DESCRIPTION)
        return {split["name"]: [int(length) for length in split["shardLengths"]] for split in info["splits"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _unlike(cards):
    """Returns why one description cannot hold for all `cards`, or None."""
    for name, card in cards.items():
        if not re.fullmatch(r"[\w-]*[^\W_][\w-]*", name):
            return f'"{name}" is no name of a split there'
        if name == "all":
            return '"all" means all splits there'
        if card.encoding != "raw" and card.channel_order == "RGB":
            return f"the files of {name} hold red where blue belongs, so that a reader of BGR hands out RGB"
    raw = any(card.encoding == "raw" for card in cards.values())
    forms = {
        "pixels in one split, files in another": lambda card: card.encoding == "raw",
        "features of other names": lambda card: sorted(card.features.values()),
        "colour in one split, gray in another": lambda card: card.channels,
        "raw pixels of other sizes": lambda card: raw and card.image_shape,
    }
    for why, form in forms.items():
        if len({str(form(card)) for card in cards.values()}) > 1:
            return f"{why}; give {' and '.join(cards)} directories of their own"
    longest = max((card.classes for card in cards.values()), key=len, default=())
    if any(card.classes != longest[: len(card.classes)] for card in cards.values()):
        return f"classes of other names; give {' and '.join(cards)} directories of their own"
    return None


def _texts(folder, cards):
    """Returns {file name: text} of the description."""
    from tensorflow_datasets import core

    name = re.sub(r"\W+", "_", folder.resolve().name.lower(), flags=re.A).strip("_")
    name = name if name[:1].isalpha() else f"data_{name}".strip("_")
    identity = core.DatasetIdentity(name=name, version=core.Version(VERSION), data_dir=str(folder), module_name=OURS)
    first = next(iter(cards.values()))
    info = core.DatasetInfo(
        builder=identity,
        description="\n".join(f"{split}: made by `{card.prepare}`" for split, card in cards.items()),
        features=_features(list(cards.values())),
        supervised_keys=None if has_boxes(first) else (first.features["image"], first.features["label"]),
        disable_shuffling=True,
    )
    info.set_file_format("tfrecord")
    where = {"data_dir": folder, "dataset_name": name, "filetype_suffix": "tfrecord"}
    template = core.ShardedFileTemplate(template=TEMPLATE, **where)
    info.set_splits(core.SplitDict([_split(card, template) for card in cards.values()]))
    with tempfile.TemporaryDirectory() as draft:
        info.write_to_directory(draft)
        return {path.name: path.read_text(encoding="utf-8") for path in pathlib.Path(draft).iterdir()}


def _split(card, template):
    from tensorflow_datasets import core

    size = sum(shard.bytes - FRAMING * shard.count for shard in card.shards)
    lengths = [shard.count for shard in card.shards]
    return core.SplitInfo(name=card.split, shard_lengths=lengths, num_bytes=size, filename_template=template)


def _features(cards):
    """Returns the tfds.features.FeaturesDict of the records of `cards`, which are alike."""
    import numpy as np
    from tensorflow_datasets import features as kinds

    first = cards[0]
    shapes = {card.image_shape for card in cards}
    shape = (*((shapes.pop() if len(shapes) == 1 else None) or (None, None)), first.channels)
    found = {}
    for key, name in first.features.items():
        if key == "label":
            named = all(card.classes for card in cards)
            found[name] = _label(max((card.classes for card in cards), key=len) if named else ())
        elif key == "boxes":
            found[name] = kinds.BBoxFeature()
        elif key == "difficult":
            found[name] = kinds.Scalar(np.bool_)
        elif key in records.INTEGERS:
            found[name] = kinds.Scalar(np.int64)
        elif key != "image":
            found[name] = kinds.Text()
        elif first.encoding == "raw":
            found[name] = kinds.Tensor(shape=shape, dtype=np.uint8, encoding="bytes")
        else:
            encodings = {card.encoding for card in cards}
            found[name] = kinds.Image(shape=shape, encoding_format=encodings.pop() if len(encodings) == 1 else None)
    return kinds.FeaturesDict(_listed(found, first) if has_boxes(first) else found)


def _listed(found, card):
    """Returns features with those of a box, "objects/bbox" and so on, as one sequence "objects"."""
    from tensorflow_datasets import features as kinds

    names = [card.features[key] for key in ("boxes", "label", "difficult")]
    inside = {name.split("/")[-1]: found.pop(name) for name in names}
    return {**found, names[0].split("/")[0]: kinds.Sequence(inside)}


def _label(classes):
    import numpy as np
    from tensorflow_datasets import features as kinds

    if not classes:
        return kinds.Scalar(np.int64)
    lines = all(name and name == name.strip() and len(name.splitlines()) == 1 for name in classes)
    if lines and len(set(classes)) == len(classes):  # one a line, which is how TFDS keeps names
        return kinds.ClassLabel(names=classes)
    return kinds.ClassLabel(num_classes=len(classes))


def _replace(folder, texts):
    """Makes `texts` the description of `folder`: at no time does a file of it go with others than its own."""
    info, features = DESCRIPTION
    old = {name for name in (features, *LABELS) if (folder / name).exists()}
    rest = {name: text for name, text in texts.items() if name != info}
    same = old == set(rest) and all(_text(folder / name) == text for name, text in rest.items())
    if not same:
        for name in (info, *old):
            with contextlib.suppress(OSError):
                (folder / name).unlink(missing_ok=True)
    for name, text in {**({} if same else rest), **({info: texts[info]} if texts else {})}.items():
        with atomic.replacing(folder / name, DataError) as file:
            file.write(text.encode())


def _text(path):
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
