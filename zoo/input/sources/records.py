"""A split of TFRecord shards as an endless stream of batches, in the order of its records.

As in Caffe the stream wraps round within a batch (data_layer.cpp:75-110): batch b holds the records
b*N ... b*N + N - 1 modulo the number of records. Starting at any batch skips whole shards by their counts and then
passes over part of one, without decoding anything.
"""

import tensorflow as tf
from google.protobuf.message import DecodeError

from zoo.errors import DataError, Place
from zoo.formats import datum, records
from zoo.input.sources.fetch import python

AUTOTUNE = tf.data.AUTOTUNE


class RecordsSource:
    """Reads the split at `prefix` (``data/mnist/train``).

    Args:
        prefix: folder and split.
        force: "color" or "gray" to decode to 3 or 1 channels (encoded pictures only), None for what the card says.
        resize: (H, W) to bring decoded pictures to, bilinear as convert_imageset does, or None.
        at: the `Place` that named the source.
        hint: what to say where there is no card.

    Raises:
        DataError: no card, shards that are missing or of another size, or a `force` that cannot be.
    """

    def __init__(self, prefix, *, force=None, resize=None, at=None, hint=None):
        self.prefix = prefix
        self.card = records.read_card(prefix, hint)
        records.check_shards(prefix, self.card)
        self.channels = {"color": 3, "gray": 1}.get(force, self.card.channels)
        self.encoded = self.card.encoding != "raw"
        if not self.encoded and self.channels != self.card.channels:
            want = f"none, as raw pixels of {self.card.channels} channels stay what they are"
            raise DataError(f"{prefix} is not encoded", at=at, got=f"force_{force}", want=want)
        if not self.encoded and self.card.image_shape is None:
            raise DataError("raw pictures of several sizes", at=Place(str(records.card_path(prefix))))
        self.resize = tuple(resize) if resize and tuple(resize) != self.card.image_shape else None
        self.image_shape = self.resize or self.card.image_shape
        self.min_size = self.resize or self.card.min_size

    @property
    def count(self):
        """How many records one pass holds."""
        return self.card.count

    def first_size(self):
        """Returns (H, W) of the first picture, where pictures differ in size; raises DataError."""
        stream = tf.data.TFRecordDataset(records.shard_paths(self.prefix, self.card)[:1])
        try:
            example = tf.train.Example.FromString(next(stream.as_numpy_iterator()))
            return tuple(example.features.feature[f"image/{side}"].int64_list.value[0] for side in ("height", "width"))
        except (tf.errors.OpError, StopIteration, DecodeError, IndexError) as e:
            records.check_shards(self.prefix, self.card, contents=True)
            at, hint = Place(str(self.prefix)), records.again(self.card.prepare)
            raise DataError("the first record cannot be read", at=at, got=str(e), hint=hint) from e

    def batches(self, start_batch, batch_size, transform, part=(0, 1)):
        """Returns the endless dataset of (float32 (N, h, w, C), float32 (N,)) from batch `start_batch` on.

        Where N is 1, pictures differ in size and nothing is cropped, h and w are open: they are those of the picture.

        With `part` (k, n) the stream is that of records k, k + n, k + 2n, ..., and batches are made of these.
        """
        index, parts = part
        first = start_batch * batch_size * parts
        stream = self._stream(first % self.count)
        if self.encoded or self.resize or parts > 1:
            ordinals = tf.data.Dataset.counter(first, dtype=tf.int64)
            stream = tf.data.Dataset.zip((ordinals, stream)).shard(parts, index)
            stream = stream.map(lambda i, record: self._one(i, record, transform), AUTOTUNE, deterministic=True)
            stream = stream.batch(batch_size, drop_remainder=True)
        else:
            # Strings are batched before they are parsed: one call of the parser a batch, not one a record.
            stream = stream.batch(batch_size, drop_remainder=True)
            ordinals = tf.data.Dataset.counter(first, batch_size, dtype=tf.int64)
            stream = tf.data.Dataset.zip((ordinals, stream))
            stream = stream.map(lambda i, batch: self._batch(i, batch, transform), AUTOTUNE, deterministic=True)
        return stream.prefetch(AUTOTUNE)

    def diagnose(self, error):
        """Returns the DataError to raise for a TensorFlow `error` that came while reading, or None if not ours."""
        kinds = tf.errors.DataLossError | tf.errors.InvalidArgumentError | tf.errors.NotFoundError
        if not isinstance(error, kinds) or "Iterator" not in error.message:  # of the net, not of its data
            return None
        try:
            records.check_shards(self.prefix, self.card, contents=True)
        except DataError as damage:
            return damage
        said = str(error.message).splitlines()[0]
        hint = records.again(self.card.prepare)
        return DataError("a record cannot be read", at=Place(str(self.prefix)), got=said, hint=hint)

    def _stream(self, skip):
        """Returns the endless dataset of serialised records from record `skip` of a pass on."""
        paths = records.shard_paths(self.prefix, self.card)
        whole = 0
        while skip >= self.card.shards[whole].count:
            skip -= self.card.shards[whole].count
            whole += 1
        stream = tf.data.TFRecordDataset(paths).repeat()
        if whole or skip:
            stream = tf.data.TFRecordDataset(paths[whole:]).skip(skip).concatenate(stream)
        return stream

    def _features(self):
        pixels = records.pixels_feature(self.card.encoding)
        kinds = {bytes: tf.string, int: tf.int64}
        names = (pixels, records.LABEL)
        return pixels, {name: tf.io.FixedLenFeature([], kinds[records.SCHEMA[name]]) for name in names}

    def _batch(self, first, batch, transform):
        pixels, features = self._features()
        values = tf.io.parse_example(batch, features)
        size = (*self.image_shape, self.channels)
        images = tf.io.decode_raw(values[pixels], tf.uint8)
        images = tf.reshape(images, (batch.shape[0], *size))
        return transform.batch(images, first), tf.cast(values[records.LABEL], tf.float32)

    def _one(self, ordinal, record, transform):
        pixels, features = self._features()
        values = tf.io.parse_single_example(record, features)
        if self.encoded:
            image = decode(values[pixels], self.channels)
        else:
            image = tf.reshape(tf.io.decode_raw(values[pixels], tf.uint8), (*self.card.image_shape, self.channels))
        if self.resize:
            image = _resize(image, self.resize)
        elif self.image_shape:
            image = tf.ensure_shape(image, (*self.image_shape, self.channels))
        return transform.one(image, ordinal), tf.cast(values[records.LABEL], tf.float32)


def decode(data, channels):
    """Returns uint8 (H, W, C) pixels, BGR or gray, of the JPEG or PNG bytes in the string tensor `data`.

    With the accurate inverse DCT these are the pixels that OpenCV decodes, bit for bit; TensorFlow's default is faster
    and off by up to 21.
    """
    image = tf.io.decode_jpeg(data, channels=channels, dct_method="INTEGER_ACCURATE")  # takes PNG as well
    return tf.reverse(image, [2]) if channels == 3 else image  # five times as fast as a step of -1


def _resize(image, size):
    """Returns `image` brought to `size` (H, W) by OpenCV's bilinear rule, which is fixed-point on bytes."""

    def resize(pixels):
        return datum.resize(pixels, size)

    channels = image.shape[2]
    return tf.ensure_shape(python(resize, [image], tf.uint8), (*size, channels))
