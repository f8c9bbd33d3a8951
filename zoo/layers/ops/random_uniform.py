"""Random numbers that follow from a seed and a count of batches alone, on one device or several (TensorFlow)."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ReplicaSlice:
    """The rows of a batch that one of several devices has: item k is item k * count + rank of the batch.

    Attributes:
        count: how many devices split the batch.
        items: how many items each has.
        rank: called where a device's function is traced; returns its number, an int or a scalar tensor.
    """

    count: int
    items: int
    rank: Callable


def uniform(shape, seed, clock, replica_slice=None):
    """Returns float32 numbers in [0, 1).

    With a `replica_slice` they are those rows of what one device would draw for the whole batch. Without, several
    devices draw each its own, as Caffe's solvers do.

    Args:
        shape: a list of ints, or with a scalar tensor for the first; with a `replica_slice` ints, the first a multiple
            of `replica_slice.items`.
        seed: an integer.
        clock: a variable that counts batches.
        replica_slice: a `ReplicaSlice`, or None.
    """
    import tensorflow as tf

    step = tf.cast(tf.convert_to_tensor(clock.value), tf.int64)
    if replica_slice is None:
        replicas = tf.distribute.get_replica_context()
        replica = tf.cast(replicas.replica_id_in_sync_group if replicas else 0, tf.int64)
        pair = tf.stack([tf.constant(seed, tf.int64), step + replica * 2**32])
        return _uniform(shape, pair)
    row = math.prod(shape) // replica_slice.items
    pair = tf.stack([tf.constant(seed, tf.int64), step])
    whole = _uniform((replica_slice.items, replica_slice.count, row), pair)
    return tf.reshape(whole[:, replica_slice.rank()], shape)


def _uniform(shape, seed):
    """Returns what tf.random.stateless_uniform's own kernels give, from the bits, so that XLA gives the same.

    Of 32 bits the kernels take the last 23 for the fraction; XLA's form of that operation takes the first.
    """
    import tensorflow as tf

    bits = tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.int32, alg="philox")
    one_to_two = tf.bitwise.bitwise_or(tf.bitwise.bitwise_and(bits, 0x7FFFFF), 0x3F800000)
    return tf.bitcast(one_to_two, tf.float32) - 1
