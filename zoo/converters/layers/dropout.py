"""Dropout, drawn anew each iteration and the same in a resumed run."""

import keras

from zoo.converters.draws import uniform
from zoo.converters.layer_type import LayerType
from zoo.converters.registry import layer_type


@layer_type("Dropout", source="dropout_layer.cpp:10-65")
class Dropout(LayerType):
    """TRAIN: each value is 0 with probability dropout_ratio, else x / (1 - dropout_ratio). TEST: y = x.

    Any shape -> the same. Blobs: none.
    """

    in_place = True
    fields = ("dropout_param",)

    def read(self, p):
        """Reads dropout_param. Raises NetError for a ratio outside [0, 1)."""
        self.ratio = p.dropout_ratio
        if not 0 <= self.ratio < 1:
            raise p.error("dropout_ratio is a probability below 1", "dropout_ratio", got=f"{self.ratio:g}")

    def top_shapes(self, bottoms):
        """The bottom's shape."""
        return bottoms

    def build(self, site):
        """The identity for TEST; else a mask that is a function of (seed, clock, replica), or Keras's own to export.

        A layer whose own `phase` is TRAIN in a TEST net has no clock and draws Keras's way.
        """
        if site.phase != "TRAIN":
            return lambda x: x
        if site.portable or site.clock is None:
            dropout = keras.layers.Dropout(self.ratio, seed=site.seed % 2**31, name=site.name)
            return dropout if site.clock is not None else lambda x: dropout(x, training=True)
        return _Drop(self.ratio, site, name=site.name)


class _Drop(keras.layers.Layer):
    """Inverted dropout whose mask follows from a seed, the value of a counter and the number of the replica."""

    def __init__(self, ratio, site, **kwargs):
        super().__init__(**kwargs)
        self.ratio, self.seed, self.clock, self.share = ratio, site.seed, site.clock, site.share

    def build(self, input_shape):
        """Has nothing to create."""

    def compute_output_spec(self, x):
        """The input's shape."""
        return keras.KerasTensor(x.shape, dtype=x.dtype)

    def call(self, x):
        """Returns `x` with the mask of this iteration and replica."""
        import tensorflow as tf

        draw = uniform(tf.shape(x) if self.share is None else x.shape, self.seed, self.clock, self.share)
        scale = tf.constant(1 / (1 - self.ratio), x.dtype)
        return x * (tf.cast(draw >= self.ratio, x.dtype) * scale)
