"""LRN across channels by the fastest exact kernel of TensorFlow."""

import keras
import tensorflow as tf
from keras import ops


class TensorFlowLRN(keras.layers.Layer):
    """Normalisation across channels: by cuDNN, or on a CPU by XLA, in whose code each pixel is read and written once.

    There tf.nn.lrn takes the logarithm of every s and multiplies by a band matrix, and is many times slower.
    """

    def __init__(self, size, alpha, beta, k, plain, **kwargs):
        super().__init__(**kwargs)
        self.size, self.alpha, self.beta, self.k, self.plain = size, alpha, beta, k, plain
        self._compiled = None

    def build(self, input_shape):
        """Creates nothing: the variables are the net's."""

    def call(self, x):
        """(N,H,W,C) -> the same."""
        if tf.config.list_physical_devices("GPU"):
            if self.size > 15 or self.k < 1e-5 or self.beta < 0.01:  # what cuDNN refuses
                return self.plain(x)
            return tf.nn.lrn(x, self.size // 2, self.k, self.alpha / self.size, self.beta)
        forward, backward = self._forward, self._backward
        if None not in x.shape:  # XLA compiles again for each size that comes
            if self._compiled is None:
                self._compiled = [tf.function(f, jit_compile=True, autograph=False) for f in (forward, backward)]
            forward, backward = self._compiled
        return tf.custom_gradient(lambda x: (forward(x), lambda dy: backward(x, dy)))(x)

    def _parts(self, x):
        """Returns s and s^-beta."""
        s = self.k + self.alpha / self.size * self._total(x * x)
        if self.beta == 0.75:  # AlexNet's, GoogLeNet's and the default: roots are cheaper than a power
            root = tf.math.rsqrt(s)
            return s, root * tf.sqrt(root)
        return s, tf.pow(s, tf.cast(-self.beta, s.dtype))

    def _total(self, x):
        """Returns the sum over each channel's neighbours."""
        radius, channels = self.size // 2, x.shape[-1]
        x = ops.pad(x, [(0, 0)] * 3 + [(radius, radius)])
        return sum((x[..., first : first + channels] for first in range(1, self.size)), x[..., :channels])

    def _forward(self, x):
        wide = _wide(x)
        return ops.cast(wide * self._parts(wide)[1], x.dtype)

    def _backward(self, x, dy):
        """dx_i = dy_i s_i^-beta - 2 alpha beta / n x_i sum_j dy_j x_j s_j^-(beta+1) (lrn_layer.cpp:176-226)"""
        wide, dy = _wide(x), _wide(dy)
        s, power = self._parts(wide)
        factor = 2 * self.alpha * self.beta / self.size
        return ops.cast(dy * power - factor * wide * self._total(dy * wide * power / s), x.dtype)


def _wide(x):
    """Returns `x`, in float32 where it is of half precision, whose range squares leave."""
    return ops.cast(x, "float32") if x.dtype.size < 4 else x
