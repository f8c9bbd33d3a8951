"""LRN: local response normalisation."""

import keras
from keras import ops

from zoo.converters.geometry import Window
from zoo.converters.layer_type import LayerType
from zoo.converters.pools import PoolGrid, average_pool
from zoo.converters.registry import layer_type


@layer_type("LRN", source="lrn_layer.cpp:9-247")
class LRN(LayerType):
    """y = x s^-beta, with s from the squares of x's n neighbours, n odd; what lies outside counts as 0.

    ACROSS_CHANNELS: s = k + alpha/n sum x^2 over n channels. WITHIN_CHANNEL: s = 1 + alpha/n^2 sum x^2 over n x n
    pixels; k has no part in it (lrn_layer.cpp:45-54), nor has the engine, although cuDNN's is another function.
    Bottom (N,C,H,W) -> top of the same shape. Blobs: none.
    """

    fields = ("lrn_param",)

    def read(self, p):
        """Takes lrn_param. Raises NetError for an even local_size."""
        self.size, self.alpha, self.beta, self.k = p.local_size, p.alpha, p.beta, p.k
        self.across = p.enum("norm_region") == "ACROSS_CHANNELS"
        p.no_effect("engine")
        if self.size % 2 == 0:
            raise p.error("local_size is even", "local_size", got=self.size, want="an odd number")

    def top_shapes(self, bottoms):
        """The bottom's shape."""
        if len(bottoms[0]) != 4:
            raise self.error("LRN takes (N,C,H,W)", "bottom", got=bottoms[0], want="4 axes")
        return bottoms

    def build(self, site):
        """keras.ops; across channels, TensorFlow's kernel on a GPU for what cuDNN takes, compiled code on a CPU."""
        if not self.across:
            return self._within(site.bottoms[0][2:])
        if site.portable:
            return self._across
        return _TensorFlowLRN(self.size, self.alpha, self.beta, self.k, self._across, name=site.name)

    def _across(self, x):
        radius, channels = self.size // 2, x.shape[-1]
        squares = ops.pad(ops.square(x), [(0, 0)] * 3 + [(radius, radius)])
        total = squares[..., :channels]
        for first in range(1, self.size):
            total = total + squares[..., first : first + channels]
        return x * ops.power(self.k + self.alpha / self.size * total, -self.beta)

    def _within(self, sizes):
        window = Window(self.size, pad=self.size // 2)
        grid = PoolGrid(sizes, (window, window), sizes)
        return lambda x: x * ops.power(1 + self.alpha * average_pool(ops.square(x), grid), -self.beta)


class _TensorFlowLRN(keras.layers.Layer):
    """Normalisation across channels: by cuDNN, or on a CPU by XLA, in whose code each pixel is read and written once.

    There tf.nn.lrn takes the logarithm of every s and multiplies by a band matrix, and is many times slower.
    """

    def __init__(self, size, alpha, beta, k, plain, **kwargs):
        super().__init__(**kwargs)
        self.size, self.alpha, self.beta, self.k, self.plain = size, alpha, beta, k, plain
        self._compiled = None

    def build(self, input_shape):
        """Has nothing to create."""

    def call(self, x):
        """(N,H,W,C) -> the same."""
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            if self.size > 15 or self.k < 1e-5 or self.beta < 0.01:  # what cuDNN refuses
                return self.plain(x)
            return tf.nn.lrn(x, self.size // 2, self.k, self.alpha / self.size, self.beta)
        if self._compiled is None:
            self._compiled = [
                tf.function(f, jit_compile=True, autograph=False) for f in (self._forward, self._backward)
            ]
        forward, backward = self._compiled
        return tf.custom_gradient(lambda x: (forward(x), lambda dy: backward(x, dy)))(x)

    def _parts(self, x):
        """Returns s and s^-beta."""
        import tensorflow as tf

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
