"""Dropout drawn as a function of seed, clock and replica."""

import keras
import tensorflow as tf

from zoo.layers.ops.random_uniform import uniform


class SeededDropout(keras.layers.Layer):
    """Dropout whose mask follows from a seed, the value of a counter and the number of the replica.

    Along the axes `whole` all values are dropped or none; what is kept is divided by the share that is, where `scaled`.
    """

    def __init__(self, ratio, site, whole=(), *, scaled=True, **kwargs):
        super().__init__(**kwargs)
        self.whole, self.scale = whole, 1 / (1 - ratio) if scaled else 1.0
        self.ratio, self.seed, self.clock, self.replica_slice = ratio, site.seed, site.clock, site.replica_slice

    def build(self, input_shape):
        """Creates nothing: the variables are the net's."""

    def compute_output_spec(self, x):
        """The input's shape."""
        return keras.KerasTensor(x.shape, dtype=x.dtype)

    def call(self, x):
        """Returns `x` with the mask of this iteration and replica."""
        shape = tf.shape(x) if self.replica_slice is None else x.shape
        if self.whole:
            shape = [1 if axis in self.whole else shape[axis] for axis in range(len(x.shape))]
        draw = uniform(shape, self.seed, self.clock, self.replica_slice)
        scale = tf.constant(self.scale, x.dtype)
        return x * (tf.cast(draw >= self.ratio, x.dtype) * scale)
