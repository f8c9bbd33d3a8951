"""Max pooling that also says where each maximum lies."""

import keras
import tensorflow as tf


class MaxWithMask(keras.layers.Layer):
    """Maxima and where they lie by tf.nn.max_pool_with_argmax; every window must meet the plane."""

    def __init__(self, grid, **kwargs):
        super().__init__(**kwargs)
        self.grid = grid

    def build(self, input_shape):
        """Creates nothing: the variables are the net's."""

    def call(self, x):
        """(N,H,W,C) -> (N,H',W',C) and the same in float32."""
        (top, _), (left, _) = self.grid.pads
        padded = self.grid.pad(x, x.dtype.min)
        y, place = tf.nn.max_pool_with_argmax(padded, self.grid.kernel, self.grid.strides, "VALID")
        place //= padded.shape[3]
        width, plane = (tf.shape(tensor, place.dtype)[2] for tensor in (padded, x))  # open where a batch is one image
        mask = (place // width - top) * plane + place % width - left
        return y, tf.cast(mask, tf.float32)
