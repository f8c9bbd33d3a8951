"""An LMDB or LevelDB of Datum as an endless stream of batches, in the order of its keys (data_layer.cpp:75-110)."""

import threading

import numpy as np
import tensorflow as tf

from zoo.errors import DataError, Place
from zoo.formats import datum
from zoo.formats.databases import Database
from zoo.formats.digest import digest
from zoo.input.sources.fetch import AUTOTUNE, Fetch, ordinals
from zoo.input.sources.image_checks import check, one_by_one, open_size

CHUNK = 64  # records that are read at a time where they are decoded one by one
CHUNKS = 3


class DatabaseSource:
    """Reads the database at `path`.

    The first record says what the others have to be: as many channels, and where nothing is cropped the same size,
    unless a batch is one image. Pixels may be encoded in some records and not in others.

    Args:
        path: see `zoo.formats.databases.Database`.
        force: "color" or "gray" to decode to 3 or 1 channels, None for what the records hold.
        resize: (H, W) to bring images to, bilinear as convert_imageset does, or None.

    Raises:
        DataError: damaged, empty, or a first record that is no image.
    """

    def __init__(self, path, *, force=None, resize=None):
        self.path, self._force, self._resize = path, force, tuple(resize) if resize else None
        self._database, self._fetch = Database(path), Fetch()
        self._chunks, self._reading = {}, threading.Lock()
        (value,) = self._database.read(0, 1)
        place = Place(f"{path}: record 0")
        first = datum.parse(value, place)
        image = datum.pixels(first, force, place)
        self.encoded, self.dtype = first.encoded, tf.as_dtype(image.dtype)
        self.channels = image.shape[2]
        self.image_shape = self.min_size = self._resize or image.shape[:2]

    @property
    def counted(self):
        """Whether `count` is known without reading the database through."""
        return self._database.kind == "LMDB"

    @property
    def count(self):
        """How many records one pass holds; a LevelDB has to be read through to tell."""
        return self._database.count

    def fingerprint(self):
        """Returns a short text that tells this database from others: by its first 16 records and its files' size."""
        said = f"{self.count} records, " if self._database.kind == "LMDB" else ""  # a LevelDB would be read through
        return f"{said}{self._database.size} bytes, {digest(*self._database.read(0, 16))}"

    def batches(self, start_batch, batch_size, transform, part=(0, 1)):
        """Returns the endless dataset of (float32 (N, h, w, C), float32 (N,)) from batch `start_batch` on.

        Where N is 1 and nothing is cropped, h and w are open: they are those of the record.

        With `part` (k, n) the stream is that of records k, k + n, k + 2n, ..., and batches are made of these.
        """
        first = start_batch * batch_size
        if self.encoded or transform.crop_size or part != (0, 1):
            return one_by_one(self, self._fetch, self._nth, first, batch_size, transform, part)
        return self._at_once(first, batch_size, transform)

    def diagnose(self, error):
        """Returns the DataError to raise for a TensorFlow `error` that came while reading, or None if not ours."""
        return self._fetch.diagnose(error)

    def _at_once(self, first, batch_size, transform):
        """Raw pixels: one call of Python a batch, one of the transform."""
        size = open_size(self, batch_size, transform)

        def read(number):
            images, labels = None, np.empty(batch_size, np.float32)
            for i, value in enumerate(self._database.read(number, batch_size)):
                image, labels[i] = self._record(number + i, value, size, 0)
                if images is None:
                    images = np.empty((batch_size, *image.shape), self.dtype.as_numpy_dtype)
                images[i] = image
            return number, images, labels

        spec = (
            tf.TensorSpec((), tf.int64),
            tf.TensorSpec((batch_size, *size, self.channels), self.dtype),
            tf.TensorSpec((batch_size,), tf.float32),
        )
        stream = self._fetch.map(ordinals(first, batch_size), read, spec)
        stream = stream.map(lambda i, images, labels: (transform.batch(images, i), labels), AUTOTUNE)
        return stream.prefetch(AUTOTUNE)

    def _nth(self, ordinal, size, crop_size):
        return self._record(ordinal, self._value(ordinal), size, crop_size)

    def _value(self, ordinal):
        """Returns the bytes of one record; its neighbours are read with it, as they are wanted next."""
        number, place = divmod(ordinal, CHUNK)
        with self._reading:
            if number not in self._chunks:
                if len(self._chunks) == CHUNKS:
                    del self._chunks[next(iter(self._chunks))]
                self._chunks[number] = self._database.read(number * CHUNK, CHUNK)
            return self._chunks[number][place]

    def _record(self, ordinal, value, size, crop_size):
        """Returns (pixels, float32 label) of a serialised Datum, checked."""
        try:
            message = datum.parse(value)
            image = datum.pixels(message, self._force)
            if self._resize:
                image = datum.resize(image, self._resize)
            check(image, self, size, crop_size)
        except DataError as e:
            at = Place(f"{self.path}: record {ordinal % self.count}")
            raise DataError(e.what, at=at, got=e.got, want=e.want, hint=e.hint) from e
        return image, np.float32(message.label)
