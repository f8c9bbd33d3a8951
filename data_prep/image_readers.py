"""What data_prep can read images from: a list of files, an LMDB or LevelDB of Datum, a split of TFRecord
shards, ours or of TensorFlow Datasets."""

import concurrent.futures
import itertools
import os
import pathlib
from typing import NamedTuple

import numpy as np
from absl import flags

from data_prep.images import read_file
from zoo import command
from zoo.errors import DataError, Place
from zoo.formats import box_records, datum, records, tfds
from zoo.formats.databases import Database, database_kind, record_files
from zoo.formats.image_list import read_list
from zoo.formats.shard_check import ShardCheck


class Record(NamedTuple):
    """One image.

    Attributes:
        name: what it is called: a line's file, a database's key, a record's file name; may be "".
        label: its class.
        data: pixels (H, W, C), uint8 or float32; or, if `encoded`, the bytes of an image file, or its path as long as
            nobody has called `loaded`.
        encoded: which of the two.
        place: where it stands, for messages.
        rgb: whether pixels of three channels are RGB, else BGR.
    """

    name: str
    label: int
    data: object
    encoded: bool
    place: Place
    rgb: bool = False

    def loaded(self):
        """Returns the record with the bytes of its file; raises DataError where that cannot be read."""
        if not isinstance(self.data, pathlib.Path):
            return self
        try:
            return self._replace(data=read_file(self.data))
        except DataError as e:
            raise DataError(f"cannot read the image {self.data}", at=self.place, got=e.got or e.what) from e

    def pixels(self, gray=False, color=False):
        """Returns the pixels: of encoded ones in their own channels unless `gray` or `color`; raises DataError."""
        if self.encoded:
            return datum.decode(self.data, "gray" if gray else "color" if color else None, self.place)
        return self._gray() if gray and self.data.shape[2] != 1 else self.data

    def _gray(self):
        import cv2

        if self.data.shape[2] != 3:
            raise DataError("cannot be made gray", at=self.place, got=f"{self.data.shape[2]} channels", want="1 or 3")
        rule = cv2.COLOR_RGB2GRAY if self.rgb else cv2.COLOR_BGR2GRAY
        return cv2.cvtColor(np.ascontiguousarray(self.data), rule)[..., None]


class ImageSource(NamedTuple):
    """Images to be read once.

    Attributes:
        kind: "list", "LMDB", "LevelDB" or "records" (those of TensorFlow Datasets, too).
        count: how many there are.
        records: iterable of `Record`.
        channel_order: "gray", "BGR" or "RGB" where it is known, else None.
        classes: their names, where they are known, else ().
    """

    kind: str
    count: int
    records: object
    channel_order: str | None = None
    classes: tuple = ()


def open_source(source, root_folder="", shuffle_seed=None, verify=False):
    """Returns the `ImageSource` at the path `source`.

    Args:
        source: a list file, the directory of a database, or the prefix of a split (``data/mnist/train``), which may be
            one that TensorFlow Datasets prepared (``~/tensorflow_datasets/mnist/3.0.1/train``).
        root_folder: what is put before the names of a list, as it stands.
        shuffle_seed: an integer to shuffle a list by, or None for its order.
        verify: whether the SHA-256 of shards is checked while they are read; the last record is followed by the end, or
            by the DataError of a shard that is not what its card says.

    Raises:
        DataError: none of these lies there, it is damaged, or what cannot be shuffled should be.
    """
    path = pathlib.Path(os.path.expanduser(source))
    if path.is_file() and path.suffix not in (".mdb", ".json"):
        return _from_list(path, root_folder, shuffle_seed)
    if shuffle_seed is not None:
        raise DataError("only a list can be shuffled", at=Place(source), hint="leave --shuffle out")
    if root_folder:
        raise DataError("only a list has a root_folder", at=Place(source), hint="leave --root_folder out")
    if database_kind(path):
        database = Database(path)
        return ImageSource(database.kind, database.count, _from_database(database))
    prefix = str(path).removesuffix(".json")
    if records.card_path(prefix).is_file():
        return _from_shards(prefix, records.read_card(prefix), verify)
    if tfds.is_folder(path.parent):
        return _from_shards(prefix, tfds.read_card(prefix), verify)
    want = "a list of images, an LMDB, a LevelDB or a split such as data/mnist/train or that of TensorFlow Datasets"
    raise DataError("nothing that holds images", at=Place(str(source)), want=want)


def paths(source, root_folder=""):
    """Returns {name: paths of its files} of what `open_source` reads with the same arguments; raises DataError.

    A split of ours stands for its shards with its card, which has their SHA-256.
    """
    path = pathlib.Path(os.path.expanduser(source))
    prefix = str(path).removesuffix(".json")
    if records.card_path(prefix).is_file():
        return {source: [records.card_path(prefix)]}
    if path.is_file() and path.suffix != ".mdb":
        return {source: [path], f"images of {source}": [f"{root_folder}{entry.name}" for entry in read_list(path)]}
    if database_kind(path):
        return {source: record_files(path)}
    return {source: records.shard_paths(prefix, tfds.read_card(prefix))}


def define_resize():
    """Defines --resize_height and --resize_width, as convert_imageset has them."""
    flags.DEFINE_integer("resize_height", 0, "Resize images to this height; 0 leaves them.", lower_bound=0)
    flags.DEFINE_integer("resize_width", 0, "Resize images to this width; 0 leaves them.", lower_bound=0)


def resize_of(values):
    """Returns (H, W) of the flags of `define_resize`, or None; raises DataError for one without the other."""
    size = values.resize_height, values.resize_width
    if bool(size[0]) != bool(size[1]):
        raise DataError("--resize_height and --resize_width go together", got=f"{size[0]} and {size[1]}")
    return size if all(size) else None


def ahead(function, items):
    """Yields ``function(item)`` for each of `items` in order, made on all cores a little ahead."""
    workers = os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        pending, items = [], iter(items)
        try:
            for item in itertools.islice(items, 4 * workers):
                pending.append(pool.submit(function, item))
            while pending:
                yield pending.pop(0).result()
                for item in itertools.islice(items, 1):
                    pending.append(pool.submit(function, item))
        finally:
            for future in pending:
                future.cancel()


def _from_list(path, root_folder, shuffle_seed):
    entries = read_list(path)
    if shuffle_seed is not None:
        order = np.random.default_rng(shuffle_seed).permutation(len(entries))
        entries = [entries[i] for i in order]

    def record(entry):
        file = pathlib.Path(f"{root_folder}{entry.name}")
        return Record(entry.name, entry.label, file, True, Place(str(path), entry.line))

    return ImageSource("list", len(entries), map(record, entries))


def _from_database(database):
    for number, (key, value) in enumerate(database.items()):
        at = Place(f"{database.path}: record {number}")
        message = datum.parse(value, at)
        data = message.data if message.encoded else datum.pixels(message, at=at)
        yield Record(key.decode("utf-8", "replace"), message.label, data, message.encoded, at)


def _from_shards(prefix, card, verify):
    records.check_shards(prefix, card)
    if box_records.has_boxes(card):
        at, want = Place(str(records.card_path(prefix))), "records with one label"
        raise DataError("records with boxes", at=at, want=want, hint="AnnotatedData reads them")
    order = card.channel_order if card.encoding == "raw" else "gray" if card.channels == 1 else "BGR"
    examples = _verified(prefix, card) if verify else _examples(prefix, card)
    return ImageSource("records", card.count, examples, order, card.classes)


def _verified(prefix, card):
    with ShardCheck() as shards:
        for example in _examples(prefix, card, shards):
            shards.raise_found()
            yield example
        shards.settle("the end", None)


def _examples(prefix, card, shards=None):
    tf = command.quiet_tensorflow()
    names = card.features
    stream = records.serialised(prefix, card, shards)
    number = 0
    while True:
        at = Place(f"{prefix}: record {number}")
        try:
            feature = tf.train.Example.FromString(next(stream)).features.feature
            data, label = feature[names["image"]].bytes_list.value[0], feature[names["label"]].int64_list.value[0]
            name = feature[names["file_name"]].bytes_list.value[0] if "file_name" in names else b""
            if card.encoding == "raw":
                data = np.frombuffer(data, np.uint8).reshape(*card.image_shape, card.channels)
                data = np.ascontiguousarray(data[..., ::-1]) if card.reversed else data
        except StopIteration:
            return
        except Exception as e:
            records.check_shards(prefix, card, contents=True)
            hint = records.again(card.prepare)
            raise DataError("a record cannot be read", at=at, got=f"{type(e).__name__}: {e}", hint=hint) from e
        name = name.decode("utf-8", "replace")
        yield Record(name, label, data, card.encoding != "raw", at, card.channel_order == "RGB")
        number += 1
