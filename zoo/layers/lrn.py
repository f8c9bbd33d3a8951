"""LRN: local response normalisation."""

from zoo.layers.base.geometry import Window
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.pooling import PoolGrid, average_pool


@layer_type("LRN", source="lrn_layer.cpp:9-247")
class LRN(LayerType):
    """y = x s^-beta, with s from the squares of x's n neighbours, n odd; what lies outside counts as 0.

    ACROSS_CHANNELS: s = k + alpha/n sum x^2 over n channels. WITHIN_CHANNEL: s = 1 + alpha/n^2 sum x^2 over n x n
    pixels; k has no part in it (lrn_layer.cpp:45-54), nor has the engine, although cuDNN's is another function.
    Bottom (N,C,H,W) -> top of the same shape. Blobs: none.
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
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

    def follows_plane(self, bottoms):
        """Across channels."""
        return self.across

    def build(self, site):
        """keras.ops; across channels, TensorFlow's kernel on a GPU for what cuDNN takes, compiled code on a CPU."""
        if not self.across:
            return self._within(site.bottoms[0][2:])
        if site.portable:
            return lambda x: self._across(x, power_of_roots)
        from zoo.layers.keras_layers.lrn import TensorFlowLRN

        return TensorFlowLRN(self.size, self.alpha, self.beta, self.k, self._across, name=site.name)

    def _across(self, x, power=None):
        radius, channels = self.size // 2, x.shape[-1]
        squares = ops.pad(ops.square(x), [(0, 0)] * 3 + [(radius, radius)])
        total = squares[..., :channels]
        for first in range(1, self.size):
            total = total + squares[..., first : first + channels]
        return x * (power or ops.power)(self.k + self.alpha / self.size * total, -self.beta)

    def _within(self, sizes):
        window = Window(self.size, pad=self.size // 2)
        grid = PoolGrid(sizes, (window, window), sizes)
        return lambda x: x * ops.power(1 + self.alpha * average_pool(ops.square(x), grid), -self.beta)


def power_of_roots(x, exponent):
    """Returns x to the `exponent`; of the two that LRN mostly has, -3/4 and -1/2, by square roots, which are faster."""
    if exponent not in (-0.75, -0.5):
        return ops.power(x, exponent)
    root = ops.rsqrt(x)
    return root if exponent == -0.5 else root * ops.sqrt(root)
