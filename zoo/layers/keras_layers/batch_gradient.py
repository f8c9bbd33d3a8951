"""The identity whose gradient is that of values which a batch's own statistics normalised."""

import keras
import tensorflow as tf


class BatchGradient(keras.layers.Layer):
    """y = x; the gradient of x is dy - mean(dy) - x mean(x dy), with means over all axes but that of the channels."""

    def __init__(self, channels, **kwargs):
        """`channels` is their axis."""
        super().__init__(dtype="float32", autocast=False, **kwargs)
        self.channels = channels

    def build(self, input_shape):
        """Creates nothing."""

    def compute_output_spec(self, x):
        """The input's shape."""
        return keras.KerasTensor(x.shape, dtype=x.dtype)

    def call(self, x):
        """Returns `x`."""
        axes = [axis for axis in range(len(x.shape)) if axis != self.channels]

        @tf.custom_gradient
        def of_batch(value):
            def gradient(dy):
                mean, along = (tf.reduce_mean(v, axes, keepdims=True) for v in (dy, value * dy))
                return dy - mean - value * along

            return tf.identity(value), gradient

        return of_batch(x)
