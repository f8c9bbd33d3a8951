"""The serialised records of a split's shards, round and round: from any record on, all or every n-th.

TFRecords say their length, so records are passed over by seeking, without reading them: beginning anywhere costs
nothing to see, and of n processes each reads its own n-th of the bytes.
"""

import itertools

import tensorflow as tf

LARGE = (
    16 << 10
)  # mean bytes of a record from which one is read at a time: nothing is copied, nor read to be passed over


def record_stream(paths, shards, first, part=(0, 1), check=None):
    """Returns the endless dataset of records k, k + n, k + 2n, ... of the stream that begins at ordinal `first`.

    Args:
        paths: of the shards, in order.
        shards: the `records.Shard` of each.
        first: how many records of the stream lie before; record i of it is record i modulo their number.
        part: (k, n).
        check: from the dataset of the numbers of the shards to come, counted on round after round, to the same numbers,
            each of which comes once its shard was looked at; None opens them unseen.
    """
    (index, parts), counts = part, [shard.count for shard in shards]
    begins = [0, *itertools.accumulate(counts)]
    total = begins.pop()
    rounds, place = divmod(first + index, total)
    start = max(i for i, begin in enumerate(begins) if begin <= place and counts[i])
    large = sum(shard.bytes for shard in shards) / total > LARGE
    buffer_size = 0 if large else None
    every_path, every_begin = tf.constant(paths), tf.constant(begins, tf.int64)

    def whole(number):
        """The records wanted of shard `number`, counted on round after round."""
        shard = number % len(paths)
        records = tf.data.TFRecordDataset(every_path[shard], buffer_size=buffer_size)
        if parts == 1:
            return records
        before = number // len(paths) * total + every_begin[shard] - first
        return records.shard(parts, (index - before) % parts)

    number = rounds * len(paths) + start
    numbers = tf.data.Dataset.counter(number, dtype=tf.int64)
    before = (place - begins[start]) // parts  # of the first shard
    if check:
        numbers = check(numbers)
    return numbers.flat_map(lambda i: whole(i).skip(tf.where(i == number, tf.constant(before, tf.int64), 0)))
