"""Pooling of a plane whose height and width are open."""

import keras
import tensorflow as tf

from zoo.layers.ops.pooling import FLT_MAX


class OpenPool(keras.layers.Layer):
    """MAX and AVE pooling of whatever plane comes, by windows that Caffe lays over it.

    Args:
        windows: a `geometry.Window` for each axis; None takes the whole plane.
        method: "MAX" or "AVE".
        ceil: whether windows that hang over the far end count.
        counted: whether AVE counts padding.
    """

    def __init__(self, windows, method, ceil, counted, **kwargs):
        super().__init__(**kwargs)
        self.windows, self.method, self.counted = windows, method, counted
        if windows is not None:
            padded = any(window.pad for window in windows)
            self._around = [(window.pad, _after(window, ceil, padded)) for window in windows]

    def build(self, input_shape):
        """Creates nothing."""

    def call(self, x):
        """(N,H,W,C) -> (N,H',W',C)."""
        largest = self.method == "MAX"
        if self.windows is None:
            return (tf.reduce_max if largest else tf.reduce_mean)(x, axis=(1, 2), keepdims=True)
        padded = x
        if any(map(any, self._around)):
            pads = [(0, 0), *self._around, (0, 0)]
            padded = tf.pad(x, pads, constant_values=tf.cast(-FLT_MAX, x.dtype) if largest else 0)
        kernel, strides = [w.kernel for w in self.windows], [w.stride for w in self.windows]
        if largest:
            return tf.nn.max_pool2d(padded, kernel, strides, "VALID")
        y = tf.nn.avg_pool2d(padded, kernel, strides, "VALID")
        rows, columns = (
            _divisors(tf.shape(x)[axis], tf.shape(y)[axis], window, self.counted)
            for axis, window in enumerate(self.windows, start=1)
        )
        area = float(kernel[0] * kernel[1])
        return y * tf.cast(area / (rows[:, None] * columns)[None, :, :, None], x.dtype)


def _after(window, ceil, padded):
    """Returns the padding behind the far end with which VALID windows are as many as `geometry.pool_size` says.

    The last window begins at (out - 1) s; rounding up allows (out - 1) s + k <= size + 2 p + s - 1, and with padding
    it must begin before size + p. VALID asks for (out - 1) s + k <= p + size + what is returned.
    """
    behind = window.pad + (window.stride - 1 if ceil else 0)
    return min(behind, window.kernel - 1) if padded else behind


def _divisors(size, out, window, counted):
    """As `geometry.pool_divisors`, in float32, for sizes that are tensors."""
    starts = tf.range(out) * window.stride - window.pad
    ends = starts + window.kernel
    if counted:
        sizes = tf.minimum(ends, size + window.pad) - starts
    else:
        sizes = tf.minimum(ends, size) - tf.maximum(starts, 0)
    return tf.cast(sizes, tf.float32)
