"""A split of TFRecord shards as an endless stream of batches, in the order of its records.

As in Caffe the stream wraps round within a batch (data_layer.cpp:75-110): batch b holds the records
b*N ... b*N + N - 1 modulo the number of records. Starting at any batch skips whole shards by their counts and then
passes over part of one, without decoding anything.
"""

import functools
import re

import tensorflow as tf
from absl import logging
from google.protobuf.message import DecodeError

from zoo.errors import DataError, Place
from zoo.formats import box_records, datum, records
from zoo.input.sources import jpeg, ram_cache
from zoo.input.sources.fetch import Fetch, python
from zoo.input.sources.shards import Shards

AUTOTUNE = tf.data.AUTOTUNE
TOO_SMALL = "crop_size exceeds an image"


class RecordsSource:
    """Reads the split at `prefix` (``data/mnist/train``).

    Args:
        prefix: directory and split.
        card: its `Card`, where that is not to be read from next to the shards.
        force: "color" or "gray" to decode to 3 or 1 channels (encoded images only), None for what the card says.
        resize: (H, W) to bring decoded images to, bilinear as convert_imageset does, or None.
        at: the `Place` that named the source.

    Raises:
        DataError: no card, shards that are missing or of another size, or a `force` that cannot be.
    """

    def __init__(self, prefix, *, card=None, force=None, resize=None, at=None):
        self.prefix = prefix
        self.card = card or records.read_card(prefix)
        self._fetch = Fetch()
        self._shards = Shards(prefix, self.card, self._fetch)
        if box_records.has_boxes(self.card):
            hint = "AnnotatedData reads them"
            raise DataError(f"{prefix} has records with boxes", at=at, want="records with one label", hint=hint)
        self.channels = {"color": 3, "gray": 1}.get(force, self.card.channels)
        self.encoded = self.card.encoding != "raw"
        if not self.encoded and self.channels != self.card.channels:
            want = f"none, as raw pixels of {self.card.channels} channels stay what they are"
            raise DataError(f"{prefix} is not encoded", at=at, got=f"force_{force}", want=want)
        if not self.encoded and self.card.image_shape is None:
            raise DataError("raw images of several sizes", at=Place(str(records.card_path(prefix))))
        self.resize = tuple(resize) if resize and tuple(resize) != self.card.image_shape else None
        self.image_shape = self.resize or self.card.image_shape
        self.min_size = self.resize or self.card.min_size
        self._names = [self.card.features[key] for key in ("image", "label")]
        self._at, self._in_ram = at, False

    @property
    def count(self):
        """How many records one pass holds."""
        return self.card.count

    @property
    def title(self):
        """What this split is called by whoever made it, or its path and what it was made from; how many records it has.

        Cards of old have no title.
        """
        made = self.card.made
        source = made.get("from")
        name = made.get("title") or (f"{self.prefix}, made from {source}" if source else self.prefix)
        return f"{name} ({self.count} records)"

    def fingerprint(self):
        """As `Shards.fingerprint`."""
        return self._shards.fingerprint()

    def verify(self, shards):
        """As `Shards.verify`."""
        self._shards.verify(shards)

    def cache_in_ram(self, parts=1):
        """Makes datasets from now on keep their images in memory once they are decoded; nothing else changes.

        Args:
            parts: of how many parts a dataset reads one.

        Raises:
            DataError: raw images, of which nothing is decoded, or too little memory.
        """
        if not self.encoded:
            raise DataError("raw images are not decoded", at=self._at, hint="leave --cache out")
        count, size = ram_cache.period(self.count, parts), self.image_shape
        if size:
            pixels = size[0] * size[1] * self.channels * self.count
        else:
            stored = sum(shard.bytes for shard in self.card.shards)  # pixels are more
            ram_cache.check_fits(count, stored // parts, self._at)
            for index in range(len(self.card.shards)):
                records.check_lengths(self.prefix, self.card, index)
            files = tf.data.TFRecordDataset(records.shard_paths(self.prefix, self.card))
            files = files.map(lambda record: self._parse(record, tf.io.parse_single_example)[0], AUTOTUNE)
            try:
                pixels = ram_cache.pixels_of(files, self.channels)
            except tf.errors.OpError as e:
                raise self._shards.damage(str(e.message).splitlines()[0]) from e
            except UnicodeDecodeError as e:  # where TensorFlow's message quotes what it read
                raise self._shards.damage("a record that does not parse") from e
        logging.info("%s: %s", self._at, ram_cache.check_fits(count, pixels * count // self.count, self._at))
        self._in_ram = True

    def first_size(self):
        """Returns (H, W) of the first image, where images differ in size; raises DataError."""
        try:
            example = tf.train.Example.FromString(next(records.serialised(self.prefix, self.card)))
            data = example.features.feature[self._names[0]].bytes_list.value[0]
        except (DataError, DecodeError, IndexError) as e:
            raise self._shards.damage(str(e)) from e
        return datum.decode(data, at=Place(f"{self.prefix}: record 0")).shape[:2]

    def batches(self, start_batch, batch_size, transform, part=(0, 1)):
        """Returns the endless dataset of (float32 (N, h, w, C), float32 (N,)) from batch `start_batch` on.

        Where N is 1, images differ in size and nothing is cropped, h and w are open: they are those of the image.

        With `part` (k, n) the stream is that of records k, k + n, k + 2n, ..., and batches are made of these.
        """
        index, parts = part
        first = start_batch * batch_size * parts
        stream = self._shards.stream(first, part)
        if self.encoded or self.resize or parts > 1:
            make = self._one
            if self._in_ram:
                stream, make = stream.take(ram_cache.period(self.count, parts)), self._of_cached
                stream = stream.map(self._decoded, AUTOTUNE, deterministic=True).cache().repeat()
            ordinals = tf.data.Dataset.counter(first + index, parts, dtype=tf.int64)
            stream = tf.data.Dataset.zip((ordinals, stream))
            stream = stream.map(lambda i, record: make(i, record, transform), AUTOTUNE, deterministic=True)
            stream = transform.batches_of(stream, batch_size)
        else:
            # Strings are batched before they are parsed: one call of the parser a batch, not one a record.
            stream = stream.batch(batch_size, drop_remainder=True)
            ordinals = tf.data.Dataset.counter(first, batch_size, dtype=tf.int64)
            stream = tf.data.Dataset.zip((ordinals, stream))
            stream = stream.map(lambda i, batch: self._batch(i, batch, transform), AUTOTUNE, deterministic=True)
        return stream.prefetch(AUTOTUNE)

    def diagnose(self, error):
        """Returns the DataError to raise for a TensorFlow `error` that came while reading, or None if not ours."""
        found = self._fetch.diagnose(error)
        if found:
            return found
        if not self._shards.is_of_reading(error):
            return None
        small = re.search(rf"{TOO_SMALL}\D+(\d+)\D+(\d+)\D+(\d+)\D+(\d+)", error.message)
        if small:
            ordinal, height, width, crop = map(int, small.groups())
            at = Place(f"{self.prefix}: record {ordinal % self.count}")
            want = f"at most {min(height, width)}, as it is {height} x {width} (H x W)"
            hint = "data_prep.imagenet --resize=256 brings images to one size"
            return DataError(TOO_SMALL, at=at, got=crop, want=want, hint=hint)
        return self._shards.damage(str(error.message).splitlines()[0])

    def _parse(self, data, parse):
        """Returns (pixels or files, float32 labels) of serialised records by one of TensorFlow's parsers."""
        kinds = [tf.io.FixedLenFeature([], kind) for kind in (tf.string, tf.int64)]
        values = parse(data, dict(zip(self._names, kinds)))
        pixels, label = (values[name] for name in self._names)
        return pixels, tf.cast(label, tf.float32)

    def _raw(self, pixels, shape):
        images = tf.reshape(tf.io.decode_raw(pixels, tf.uint8), shape)
        return tf.reverse(images, [len(shape) - 1]) if self.card.reversed and shape[-1] == 3 else images

    def _batch(self, first, batch, transform):
        pixels, labels = self._parse(batch, tf.io.parse_example)
        images = self._raw(pixels, (batch.shape[0], *self.image_shape, self.channels))
        return transform.batch(images, first), labels

    def _one(self, ordinal, record, transform):
        pixels, label = self._parse(record, tf.io.parse_single_example)
        if self.encoded and transform.crop_size and not self.resize:
            square, whole = (functools.partial(f, ordinal, pixels, transform) for f in (self._square, self._whole))
            return tf.cond(tf.io.is_jpeg(pixels), square, whole), label
        return self._whole(ordinal, pixels, transform), label

    def _square(self, ordinal, data, transform):
        """Returns what `transform` makes of the bytes of a JPEG; nothing but the square that it crops is decoded."""
        height, width, _ = tf.unstack(tf.io.extract_jpeg_shape(data))
        if self.image_shape:
            tf.debugging.assert_equal(tf.stack([height, width]), self.image_shape, "an image of another size")
        if self.min_size is None:
            data = _fitting(data, height, width, transform.crop_size, ordinal)
        window = transform.window(ordinal, height, width)
        cut = window._replace(flip=None) if transform.wants_one_size else window  # a mean image is not mirrored
        image = jpeg.decode_square(data, self.channels, width, cut, transform.crop_size)
        return transform.cropped(image, window._replace(flip=None) if cut is window else window)

    def _decoded(self, record):
        """Returns what is kept of a record: its pixels and its label."""
        pixels, label = self._parse(record, tf.io.parse_single_example)
        return self._image(pixels), label

    def _of_cached(self, ordinal, record, transform):
        image, label = record
        return self._transformed(ordinal, image, transform), label

    def _whole(self, ordinal, pixels, transform):
        """Returns what `transform` makes of an image's bytes, a file or raw."""
        return self._transformed(ordinal, self._image(pixels), transform)

    def _image(self, pixels):
        """Returns uint8 (H, W, C) of an image's bytes."""
        if self.encoded:
            image = jpeg.decode(pixels, self.channels)
        else:
            image = self._raw(pixels, (*self.card.image_shape, self.channels))
        if self.resize:
            image = _resize(image, self.resize)
        elif self.image_shape:
            image = tf.ensure_shape(image, (*self.image_shape, self.channels))
        return image

    def _transformed(self, ordinal, image, transform):
        if self.min_size is None and transform.crop_size:
            image = _fitting(image, tf.shape(image)[0], tf.shape(image)[1], transform.crop_size, ordinal)
        return transform.cut(image, ordinal)


def _fitting(image, height, width, crop_size, ordinal):
    """Returns `image`; where a crop does not fit, the graph fails before, with a message that `diagnose` knows."""
    fits = tf.minimum(height, width) >= crop_size
    with tf.control_dependencies([tf.debugging.Assert(fits, [TOO_SMALL, ordinal, height, width, crop_size])]):
        return tf.identity(image)


def _resize(image, size):
    """Returns `image` brought to `size` (H, W) by OpenCV's bilinear rule, which is fixed-point on bytes."""

    def resize(pixels):
        return datum.resize(pixels, size)

    channels = image.shape[2]
    return tf.ensure_shape(python(resize, [image], tf.uint8), (*size, channels))
