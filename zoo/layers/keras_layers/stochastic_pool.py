"""Stochastic pooling, drawn as a function of seed, clock and replica."""

import keras
import tensorflow as tf

from zoo.layers.ops.random_uniform import uniform


class StochasticPool(keras.layers.Layer):
    """Takes one value of each window, with a probability in proportion to it (pooling_layer.cu:83-121).

    The draws are a function of (seed, clock) and the number of the replica alone.
    """

    def __init__(self, grid, site, **kwargs):
        super().__init__(**kwargs)
        self.grid, self.seed, self.clock, self.replica_slice = grid, site.seed, site.clock, site.replica_slice

    def build(self, input_shape):
        """Creates nothing: the variables are the net's."""

    def compute_output_spec(self, x):
        """(N,H',W',C)."""
        return keras.KerasTensor((x.shape[0], *self.grid.outs, x.shape[-1]), dtype=x.dtype)

    def call(self, x):
        """(N,H,W,C) -> (N,H',W',C)."""
        values = tf.stack([value for _, value in self.grid.taps(self.grid.pad(x))], axis=-1)
        sums = tf.cumsum(values, axis=-1)
        shape = tf.shape(sums)[:-1] if self.replica_slice is None else sums.shape[:-1]
        threshold = 1 - uniform(shape, self.seed, self.clock, self.replica_slice)  # in (0, 1], as cuRAND's
        reached = sums >= (tf.cast(threshold, sums.dtype) * sums[..., -1])[..., None]
        first = tf.argmax(tf.cast(reached, tf.int32), axis=-1)
        return tf.reduce_sum(values * tf.one_hot(first, values.shape[-1], dtype=values.dtype), axis=-1)
