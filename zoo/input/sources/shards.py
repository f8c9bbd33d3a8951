"""The records of one split as a dataset of bytes: from any record on, its files looked at and its digests checked."""

import numpy as np
import tensorflow as tf

from zoo.errors import DataError, Place
from zoo.formats import records
from zoo.formats.digest import digest
from zoo.input.sources.record_stream import record_stream


class Shards:
    """A split of TFRecord shards.

    Args:
        prefix, card: folder and split, and its `Card`.
        fetch: the `Fetch` that knows the errors of what looks at the files.

    Raises:
        DataError: shards that are missing or of another size.
    """

    def __init__(self, prefix, card, fetch):
        self.prefix, self.card, self._fetch, self._shards = prefix, card, fetch, None
        records.check_shards(prefix, card)

    def fingerprint(self):
        """Returns a short text that tells this split from others: by its card, which has each shard's SHA-256.

        Where no SHA-256 was noted, as by TensorFlow Datasets, it is the shards' sizes and counts alone. Names of files,
        classes and the command that made them do not count.
        """
        card = self.card
        shards = [(shard.count, shard.bytes, shard.sha256) for shard in card.shards]
        kind = (card.encoding, dict(card.features), card.channels, card.channel_order, card.image_shape)
        return f"{card.count} records in {len(shards)} shards, {digest(kind, shards)}"

    def verify(self, shards):
        """Has each shard that is read from now on checked once by `shards`, a `ShardCheck`."""
        self._shards = shards

    def stream(self, first, part=(0, 1)):
        """Returns the endless dataset of serialised records from ordinal `first` on; see `record_stream`."""
        paths = records.shard_paths(self.prefix, self.card)
        return record_stream(paths, self.card.shards, first, part, self._checked)

    def _checked(self, numbers):
        """Returns the dataset of the same `numbers` of shards, each after the lengths in its file were looked at."""

        def check(number):
            index = number % len(self.card.shards)
            records.check_lengths(self.prefix, self.card, index)
            if self._shards:
                self._shards.add(self.prefix, self.card, index)
            return (np.int64(number),)

        return self._fetch.map(numbers, check, (tf.TensorSpec((), tf.int64),), 1).map(lambda number: number)

    def is_of_reading(self, error):
        """Returns whether a TensorFlow `error` came while records were read, and not from a net."""
        kinds = tf.errors.DataLossError | tf.errors.InvalidArgumentError | tf.errors.NotFoundError
        return isinstance(error, kinds) and "Iterator" in error.message

    def damage(self, said):
        """Returns the DataError to raise where TensorFlow `said` something while it read."""
        try:
            records.check_shards(self.prefix, self.card, contents=True)
            records.check_examples(self.prefix, self.card)
        except DataError as damage:
            return damage
        hint = records.again(self.card.prepare)
        return DataError("a record cannot be read", at=Place(str(self.prefix)), got=said, hint=hint)
