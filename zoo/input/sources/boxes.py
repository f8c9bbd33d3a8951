"""Images with boxes, record by record as AnnotatedDatum: of an LMDB or LevelDB of SSD's, or of TFRecord shards."""

import tensorflow as tf
from google.protobuf.message import DecodeError

from zoo.errors import DataError, Place
from zoo.formats import box_records, caffe_pb2, records
from zoo.formats.databases import Database
from zoo.formats.digest import digest
from zoo.formats.records import card_path
from zoo.input.sources.fetch import Fetch, ordinals
from zoo.input.sources.locate import find_source
from zoo.input.sources.shards import Shards

CHUNK = 256  # records of a database that are read at a time where all are gone through
HINT = "python -m data_prep.detection makes one of VOC, COCO or CSV boxes"


def open_boxes(name, *, at=None, data_dir=None, file=None):
    """Returns the source that `name` means, a database or a split of shards; see `find_source`.

    Args:
        name: `data_param.source`.
        at: the `Place` of the field.
        data_dir, file: where to look besides the working directory; see `candidates`.

    Raises:
        DataError: nothing is there, it is damaged, or it holds no boxes.
    """
    found = find_source(name, at=at, data_dir=data_dir, file=file, hint=HINT)
    return ShardBoxes(found.path, found.card, at) if found.card else DatabaseBoxes(found.path)


class DatabaseBoxes:
    """An LMDB or LevelDB of AnnotatedDatum.

    Attributes:
        count: how many records one pass holds.
    """

    def __init__(self, path):
        self._path, self._database, self._fetch = path, Database(path), Fetch()
        self.count = self._database.count

    def place(self, number):
        """Returns the `Place` of record `number`."""
        return Place(f"{self._path}: record {number}")

    def all(self):
        """Yields every AnnotatedDatum; raises DataError for one that is none."""
        for first in range(0, self.count, CHUNK):
            many = min(CHUNK, self.count - first)
            for number, value in enumerate(self._database.read(first, many), first):
                yield self._parsed(value, number)

    def map(self, function, first, parts, spec):
        """Returns the dataset of ``function(ordinal, AnnotatedDatum)``, from ordinal `first` on, each `parts`-th."""

        def read(ordinal):
            number = ordinal % self.count
            (value,) = self._database.read(number, 1)
            return function(ordinal, self._parsed(value, number))

        return self._fetch.map(ordinals(first, parts), read, spec)

    def fingerprint(self):
        """Returns a short text that tells it from others: by its first 16 records and its files' size."""
        return f"{self.count} records, {self._database.size} bytes, {digest(*self._database.read(0, 16))}"

    def verify(self, shards):
        """Does nothing: a database has no digests."""

    def diagnose(self, error):
        """Returns the DataError to raise for a TensorFlow `error` that came while reading, or None if not ours."""
        return self._fetch.diagnose(error)

    def _parsed(self, value, number):
        place, hint = self.place(number), "python -m data_prep.detection makes such a database"
        try:
            record = caffe_pb2.AnnotatedDatum.FromString(value)
        except DecodeError:
            raise DataError("not an AnnotatedDatum", at=place, hint=hint) from None
        if not record.HasField("datum") or not record.datum.data:
            raise DataError("not an AnnotatedDatum", at=place, got="no image in it", hint=hint)
        return record


class ShardBoxes:
    """A split of TFRecord shards with boxes; the methods are those of `DatabaseBoxes`."""

    def __init__(self, prefix, card, at=None):
        self._prefix, self._card, self._fetch = prefix, card, Fetch()
        if not box_records.has_boxes(self._card):
            at = at or Place(str(card_path(prefix)))
            raise DataError(f"{prefix} has no boxes", at=at, got="records with one label", hint=HINT)
        self._shards, self.count = Shards(prefix, self._card, self._fetch), self._card.count

    def place(self, number):
        """Returns the `Place` of record `number`."""
        return Place(f"{self._prefix}: record {number}")

    def all(self):
        """Yields every AnnotatedDatum; raises DataError for one that is none."""
        for number, data in enumerate(records.serialised(self._prefix, self._card)):
            yield box_records.annotated(data, self._card, self.place(number))

    def map(self, function, first, parts, spec):
        """Returns the dataset of ``function(ordinal, AnnotatedDatum)``, from ordinal `first` on, each `parts`-th."""

        def read(ordinal, data):
            place = self.place(ordinal % self.count)
            return function(ordinal, box_records.annotated(data, self._card, place))

        stream = self._shards.stream(first // parts * parts, (first % parts, parts))
        return self._fetch.map(tf.data.Dataset.zip((ordinals(first, parts), stream)), read, spec)

    def fingerprint(self):
        """Returns a short text that tells it from others."""
        return self._shards.fingerprint()

    def verify(self, shards):
        """Has each shard that is read from now on checked once by `shards`, a `ShardCheck`."""
        self._shards.verify(shards)

    def diagnose(self, error):
        """Returns the DataError to raise for a TensorFlow `error` that came while reading, or None if not ours."""
        found = self._fetch.diagnose(error)
        if found is None and self._shards.is_of_reading(error):
            found = self._shards.damage(str(error.message).splitlines()[0])
        return found
