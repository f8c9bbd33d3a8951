"""Pictures in TFRecord files: one declaration of the schema for whoever writes them and whoever reads them.

A split is ``<split>-00000-of-00010.tfrecord`` and so on, and beside them one card, ``<split>.json``, written last:
where there is a card, the split is whole. Each record is a tf.train.Example whose features carry the names that the TF
Model Garden uses. Two forms of pixels: `image/raw`, uint8 bytes in (height, width, channel) order, or `image/encoded`,
a JPEG or PNG file. Labels count from 0, as Caffe's do.
"""

import hashlib
import json
import pathlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from zoo.errors import DataError, Place

FORMAT, VERSION = "zoo-records", 1
ENCODINGS = ("raw", "jpeg", "png")

RAW, ENCODED, LABEL = "image/raw", "image/encoded", "image/class/label"
# Every feature that a record may hold, and its kind.
SCHEMA = {
    RAW: bytes,
    ENCODED: bytes,
    LABEL: int,
    "image/format": bytes,
    "image/height": int,
    "image/width": int,
    "image/channels": int,
    "image/filename": bytes,
    "image/class/synset": bytes,
}


def pixels_feature(encoding):
    """Returns the name of the feature that holds the pixels of records in `encoding` ("raw", "jpeg" or "png")."""
    return RAW if encoding == "raw" else ENCODED


def shard_name(split, index, shards):
    """Returns a shard's file name, such as ``train-00000-of-00010.tfrecord``."""
    return f"{split}-{index:05d}-of-{shards:05d}.tfrecord"


def card_path(prefix):
    """Returns the path of the card of the split at `prefix` (folder and split: ``data/mnist/train``)."""
    return pathlib.Path(f"{prefix}.json")


def serialize(values):
    """Returns `values` ({feature name of `SCHEMA`: bytes, str or int}) as the bytes of a tf.train.Example."""
    import tensorflow as tf

    features = {}
    for name, value in values.items():
        if SCHEMA[name] is int:
            features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))
        else:
            value = value.encode() if isinstance(value, str) else value
            features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)  # else the features' order is another in another process


def raw_example(image, label, **more):
    """Returns one record of a uint8 `image` of shape (H, W, C); `more` holds further values ("image/filename")."""
    height, width, channels = image.shape
    size = {"image/height": height, "image/width": width, "image/channels": channels}
    return serialize({RAW: image.tobytes(), "image/format": "raw", LABEL: label, **size, **more})


def encoded_example(data, encoding, shape, label, **more):
    """Returns one record of the file bytes `data` ("jpeg" or "png") of a picture of shape (H, W, C)."""
    size = dict(zip(("image/height", "image/width", "image/channels"), shape))
    return serialize({ENCODED: data, "image/format": encoding, LABEL: label, **size, **more})


@dataclass(frozen=True)
class Shard:
    """One file: its name, how many records it holds, its size in bytes and its SHA-256 in hexadecimal."""

    name: str
    count: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Card:
    """What a split holds.

    Attributes:
        split: its name, such as "train".
        encoding: "raw", "jpeg" or "png".
        channels: 1 or 3: of the pixels that a reader hands out.
        channel_order: "gray", "BGR" or "RGB": their order. Encoded pictures are handed out as BGR, as OpenCV does.
        image_shape: (H, W) where all pictures share one size, else None.
        min_size: the smallest height and the smallest width there are.
        classes: the name of each label, from 0.
        shards: the files, in the order of reading.
        prepare: the command that makes the split again.
        made: how it was made: free {key: value} for people ("source", "seed", ...).
    """

    split: str
    encoding: str
    channels: int
    channel_order: str
    image_shape: tuple[int, int] | None
    min_size: tuple[int, int]
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

    @classmethod
    def from_json(cls, text, path):
        """Returns the card in `text`, read from `path`; raises DataError where it is not a card of this version."""
        at = Place(str(path))
        try:
            values = json.loads(text)
        except ValueError as e:
            raise DataError("not a card of TFRecord shards", at=at, got=f"text that is not JSON: {e}") from e
        found = values.get("format") if isinstance(values, dict) else None
        if found != FORMAT:
            raise DataError("not a card of TFRecord shards", at=at, got=f"format {found!r}", want=repr(FORMAT))
        if values.pop("version", None) != VERSION:
            raise DataError("a card of another version", at=at, want=VERSION, hint=again(values.get("prepare")))
        count = values.pop("count", None)
        del values["format"]
        try:
            values["shards"] = tuple(Shard(**shard) for shard in values["shards"])
            for name in ("image_shape", "min_size", "classes"):
                values[name] = values[name] if values[name] is None else tuple(values[name])
            card = cls(**values)
        except (KeyError, TypeError) as e:
            raise DataError("a damaged card", at=at, got=str(e), hint=again(values.get("prepare"))) from e
        if card.count != count or not count or card.encoding not in ENCODINGS or card.channels not in (1, 3):
            got = f"count {count}, encoding {card.encoding!r}, channels {card.channels}"
            want = f"count {card.count} as its shards have, an encoding of {ENCODINGS}, 1 or 3 channels"
            raise DataError("a damaged card", at=at, got=got, want=want, hint=again(card.prepare))
        return card


def again(command):
    """Returns the hint to prepare with `command`, or None without one."""
    return f"prepare it again: {command}" if command else None


def read_card(prefix, hint=None):
    """Returns the `Card` of the split at `prefix`; raises DataError (with `hint`) without one."""
    path = card_path(prefix)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise DataError("no readable card of TFRecord shards", at=Place(str(path)), got=str(e), hint=hint) from e
    return Card.from_json(text, path)


def shard_paths(prefix, card):
    """Returns the paths of the card's shards, in order."""
    return [str(pathlib.Path(prefix).parent / shard.name) for shard in card.shards]


def sha256(path):
    """Returns the SHA-256 of a file in hexadecimal; raises OSError."""
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def check_shards(prefix, card, contents=False):
    """Raises DataError for the first shard that is missing, of another size or, if `contents`, of other contents."""
    for path, shard in zip(shard_paths(prefix, card), card.shards):
        at, hint = Place(path), again(card.prepare)
        try:
            size = pathlib.Path(path).stat().st_size
            digest = sha256(path) if contents and size == shard.bytes else None
        except OSError as e:
            raise DataError("a shard cannot be read", at=at, got=str(e), hint=hint) from e
        if size != shard.bytes:
            raise DataError("a damaged shard", at=at, got=f"{size} bytes", want=f"{shard.bytes} bytes", hint=hint)
        if digest is not None and digest != shard.sha256:
            want = f"{shard.sha256[:16]}... as its card says"
            raise DataError("a damaged shard", at=at, got=f"SHA-256 {digest[:16]}...", want=want, hint=hint)
