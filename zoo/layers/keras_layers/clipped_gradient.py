"""The identity whose gradient is kept within bounds."""

import keras
import tensorflow as tf


class ClippedGradient(keras.layers.Layer):
    """y = x; the gradient of x is that of y, cut to -most .. most."""

    def __init__(self, most, **kwargs):
        super().__init__(**kwargs)
        self.most = most

    def build(self, input_shape):
        """Creates nothing."""

    def compute_output_spec(self, x):
        """The input's shape."""
        return keras.KerasTensor(x.shape, dtype=x.dtype)

    def call(self, x):
        """Returns `x`."""

        @tf.custom_gradient
        def clipped(value):
            return tf.identity(value), lambda gradient: tf.clip_by_value(gradient, -self.most, self.most)

        return clipped(x)
