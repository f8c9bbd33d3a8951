"""Images in TFRecord files: one declaration of the schema for whoever writes them and whoever reads them.

A split is ``<split>-00000-of-00010.tfrecord`` and so on, and next to them one card, ``<split>.json``, written last:
where there is a card, the split is whole. Each record is a tf.train.Example. Its features are called as TensorFlow
Datasets calls them, or as the TF Model Garden does; the card says which names a split has. Pixels are a JPEG or PNG
file, or raw: uint8 bytes in (height, width, channel) order, channels in the order R, G, B, as those ecosystems take
for granted, even where Caffe wants them BGR and a reader turns them round. Labels count from 0, as Caffe's do.
"""

import contextlib
import json
import os
import pathlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from google.protobuf.message import DecodeError

from zoo import command
from zoo.errors import DataError, Place
from zoo.formats import card_fields, record_lengths, regular
from zoo.formats.atomic import sha256

FORMAT, VERSION = "zoo-records", 2
DESCRIPTION = ("dataset_info.json", "features.json")  # of a directory, for TensorFlow Datasets: these are no cards

# What a record may say, and under which name each convention has it.
NAMES = {
    "tfds": {"image": "image", "label": "label", "file_name": "file_name"},
    "model_garden": {
        "image": "image/encoded",
        "label": "image/class/label",
        "file_name": "image/filename",
        "synset": "image/class/synset",
        "format": "image/format",
        "height": "image/height",
        "width": "image/width",
        "channels": "image/channels",
    },
}
RAW = "image/raw"  # raw pixels in the style of the Model Garden, which has no name for them
INTEGERS = ("label", "height", "width", "channels")  # the others are bytes
OPTIONAL = ("file_name", "synset")


def features(names, encoding, optional=()):
    """Returns {what a record says: name of the feature} of a split.

    Args:
        names: a convention, "tfds" or "model_garden".
        encoding: "raw", "jpeg" or "png".
        optional: which of `OPTIONAL` its records say, too; those that the convention does not know are left out.
    """
    for key in optional:
        if key not in OPTIONAL:
            raise KeyError(key)
    found = {key: name for key, name in NAMES[names].items() if key not in OPTIONAL or key in optional}
    if names == "model_garden" and encoding == "raw":
        found["image"] = RAW
    return found


def shard_name(split, index, shards):
    """Returns a shard's file name, such as ``train-00000-of-00010.tfrecord``."""
    return f"{split}-{index:05d}-of-{shards:05d}.tfrecord"


def card_path(prefix):
    """Returns the path of the card of the split at `prefix` (directory and split: ``data/mnist/train``)."""
    return pathlib.Path(f"{prefix}.json")


def raw_example(image, label, names="tfds", order="BGR", **optional):
    """Returns one serialised record of a uint8 `image` of shape (H, W, C).

    Args:
        image: the pixels.
        label: the class.
        names: see `features`.
        order: "BGR" or "RGB": of the channels of `image`, where there are three; stored are always R, G, B.
        optional: `file_name`, `synset`: str, where the records of the split have them.
    """
    stored = image[..., ::-1] if order == "BGR" and image.shape[2] == 3 else image
    return _example(stored.tobytes(), "raw", image.shape, label, names, optional)


def encoded_example(data, encoding, shape, label, names="tfds", **optional):
    """Returns one serialised record of the file bytes `data` ("jpeg" or "png") of an image of shape (H, W, C).

    `label`, `names` and `optional` are those of `raw_example`.
    """
    return _example(data, encoding, shape, label, names, optional)


def _example(pixels, encoding, shape, label, names, optional):
    tf = command.quiet_tensorflow()
    values = {"image": pixels, "label": label, "format": encoding, **optional}
    values |= zip(("height", "width", "channels"), shape)
    found = {}
    for key, name in features(names, encoding, optional).items():
        value = values[key]
        if key in INTEGERS:
            found[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))
        else:
            value = value.encode() if isinstance(value, str) else value
            found[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    example = tf.train.Example(features=tf.train.Features(feature=found))
    return example.SerializeToString(deterministic=True)  # else the features' order is another in another process


@dataclass(frozen=True)
class Shard:
    """One file: its name, how many records it holds, its size in bytes and its SHA-256 in hexadecimal.

    The digest is None where nobody noted it: in directories that TensorFlow Datasets prepared.
    """

    name: str
    count: int
    bytes: int
    sha256: str | None = None


@dataclass(frozen=True)
class Card:
    """What a split holds.

    Attributes:
        split: its name, such as "train".
        encoding: "raw", "jpeg" or "png".
        features: {what a record says: name of the feature}; see `features`.
        channels: 1 or 3: of the pixels that a reader hands out.
        channel_order: "gray", "BGR" or "RGB": their order. Encoded images are handed out as BGR, as OpenCV does.
            Raw ones lie there as RGB in any case.
        image_shape: (H, W) where all images share one size, else None.
        min_size: the smallest height and the smallest width there are, or None where that is not known.
        classes: the name of each label, from 0.
        shards: the files, in the order of reading.
        prepare: the command that makes the split again.
        made: how it was made: free {key: value} for people ("source", "seed", ...).
    """

    split: str
    encoding: str
    features: Mapping[str, str]
    channels: int
    channel_order: str
    image_shape: tuple[int, int] | None
    min_size: tuple[int, int] | None
    classes: tuple[str, ...]
    shards: tuple[Shard, ...]
    prepare: str
    made: Mapping[str, object] = field(default_factory=dict)

    @property
    def count(self):
        """How many records there are."""
        return sum(shard.count for shard in self.shards)

    def to_json(self):
        """Returns the card as text."""
        head = {"format": FORMAT, "version": VERSION, "count": self.count}
        return json.dumps({**head, **asdict(self)}, indent=1) + "\n"

    @property
    def reversed(self):
        """Whether raw pixels lie there in another order than they are handed out in."""
        return self.encoding == "raw" and self.channel_order == "BGR"

    @classmethod
    def from_json(cls, text, path):
        """Returns the card in `text`, read from `path`; raises DataError where it is not a card of this version."""
        at = Place(str(path))
        try:
            values = regular.parse_json(text)
        except ValueError as e:
            raise DataError("not a card of TFRecord shards", at=at, got=f"text that is not JSON: {e}") from e
        found = values.get("format") if isinstance(values, dict) else None
        if found != FORMAT:
            raise DataError("not a card of TFRecord shards", at=at, got=f"format {found!r}", want=repr(FORMAT))
        prepare = values.get("prepare")
        hint = again(prepare if isinstance(prepare, str) else None)
        if values.pop("version", None) != VERSION:
            raise DataError("a card of another version", at=at, want=VERSION, hint=hint)
        count = values.pop("count", None)
        del values["format"]
        damage = card_fields.damage(values)
        if damage:
            raise DataError("a damaged card", at=at, got=damage[0], want=damage[1], hint=hint)
        values["shards"] = tuple(Shard(**shard) for shard in values["shards"])
        for name in ("image_shape", "min_size", "classes"):
            values[name] = values.get(name) and tuple(values[name])
        card = cls(**{**values, "made": values.get("made") or {}, "classes": values["classes"] or ()})
        if card.count != count or not card_fields.whole(count, 1):
            want = f"count {card.count}, as its shards have"
            raise DataError("a damaged card", at=at, got=f"count {str(count)[:40]}", want=want, hint=hint)
        return card


def again(command):
    """Returns the hint to prepare with `command`, or None without one."""
    return f"prepare it again: {command}" if command else None


def read_card(prefix, hint=None):
    """Returns the `Card` of the split at `prefix`; raises DataError (with `hint`) without one."""
    path = card_path(prefix)
    try:
        text = regular.read_text(path)
    except (OSError, UnicodeDecodeError) as e:
        raise DataError("no readable card of TFRecord shards", at=Place(str(path)), got=str(e), hint=hint) from e
    return Card.from_json(text, path)


def cards(folder):
    """Returns {split: `Card`} of the splits that lie whole in `folder`: those whose cards can be read."""
    found = {}
    for prefix in prefixes(folder):
        with contextlib.suppress(DataError):
            found[prefix.name] = read_card(prefix)
    return found


def prefixes(folder):
    """Returns the prefixes of the splits in `folder` that have a card, whole or not, in the order of their names."""
    paths = sorted(pathlib.Path(folder).glob("*.json"))
    return [path.with_suffix("") for path in paths if path.name not in DESCRIPTION and ".tfrecord." not in path.name]


def shard_paths(prefix, card):
    """Returns the paths of the card's shards, in order."""
    return [str(pathlib.Path(prefix).parent / shard.name) for shard in card.shards]


def check_shards(prefix, card, contents=False):
    """Raises DataError for the first shard that is missing, of another size or, if `contents`, of other contents."""
    for path, shard in zip(shard_paths(prefix, card), card.shards):
        at, hint = Place(path), again(card.prepare)
        try:
            status = os.stat(path)
            regular.check(path, status)
            size = status.st_size
            digest = sha256(path) if contents and shard.sha256 and size == shard.bytes else None
        except OSError as e:
            raise DataError("a shard cannot be read", at=at, got=str(e), hint=hint) from e
        if size != shard.bytes:
            raise DataError("a damaged shard", at=at, got=f"{size} bytes", want=f"{shard.bytes} bytes", hint=hint)
        if contents and not shard.sha256:
            _check_readable(path, hint)
        if contents:
            _check_count(path, shard.count, hint)
        if digest is not None and digest != shard.sha256:
            raise other_contents(path, shard, digest, hint)


def other_contents(path, shard, digest, hint):
    """Returns the DataError to raise where the file at `path` has the SHA-256 `digest` and not that of `shard`."""
    got, want = f"SHA-256 {digest[:16]}...", f"{shard.sha256[:16]}... as its card says"
    return DataError("a damaged or exchanged shard", at=Place(path), got=got, want=want, hint=hint)


def check_lengths(prefix, card, index):
    """Raises DataError unless shard `index` has as many records as `card` says, each within the file.

    Of the records themselves nothing is looked at. Whoever has TensorFlow read a shard comes here first.
    """
    _check_count(shard_paths(prefix, card)[index], card.shards[index].count, again(card.prepare))


def serialised(prefix, card, shards=None):
    """Yields the bytes of all records in order; raises DataError for a damaged shard.

    With `shards`, a `ShardCheck`, each shard is given to it before its first record comes.
    """
    for index, path in enumerate(shard_paths(prefix, card)):
        check_lengths(prefix, card, index)
        if shards:
            shards.add(prefix, card, index)
        yield from _records_of(path, again(card.prepare))


def check_examples(prefix, card):
    """Raises DataError for the first record that is no tf.train.Example, or has no image or label in it.

    Where records have a list of labels, as those of `box_records` do, only the image is looked for.
    """
    tf = command.quiet_tensorflow()
    wanted = {card.features["image"]: "bytes_list"}
    if "boxes" not in card.features:
        wanted[card.features["label"]] = "int64_list"
    for number, record in enumerate(serialised(prefix, card)):
        at, hint = Place(f"{prefix}: record {number}"), again(card.prepare)
        try:
            found = tf.train.Example.FromString(record).features.feature
        except DecodeError as e:
            raise DataError("not a tf.train.Example", at=at, got=f"{len(record)} other bytes", hint=hint) from e
        for name, kind in wanted.items():
            if name not in found or len(getattr(found[name], kind).value) != 1:
                raise DataError("a record without its image and label", at=at, want=f'one "{name}" ({kind})', hint=hint)


def _records_of(path, hint):
    tf = command.quiet_tensorflow()
    try:
        yield from tf.data.TFRecordDataset(path).as_numpy_iterator()
    except tf.errors.OpError as e:
        got = str(e.message).splitlines()[0]
        raise DataError("a damaged shard", at=Place(path), got=got, hint=hint) from e


def _check_readable(path, hint):
    """Reads a shard through, checksum by checksum, as nobody noted its SHA-256."""
    record_lengths.count(path, hint)
    for _ in _records_of(path, hint):
        pass


def _check_count(path, want, hint):
    count = record_lengths.count(path, hint)
    if count != want:
        at = Place(path)
        raise DataError("a damaged shard", at=at, got=f"{count} records", want=f"{want} records", hint=hint)
