"""Axpy: what a squeeze-and-excitation block ends with."""

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.batch_norm import channel_shape
from zoo.layers.ops.layout import to_caffe


@layer_type("Axpy", source="hujie-frank/SENet@master axpy_layer.cpp:10-90")
class Axpy(LayerType):
    """y = a x + b for each item and channel. Bottoms: a (N,C[,1[,1]]), x and b (N,C,...) -> top of x's shape.

    Blobs: none.
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    bottom_count = 3

    def top_shapes(self, bottoms):
        """The second bottom's shape. Raises NetError for bottoms that do not fit together."""
        a, x, b = bottoms
        if a not in ((*x[:2],), (*x[:2], 1), (*x[:2], 1, 1)) or len(x) < 2:
            want = f"{(*x[:2],)} or {(*x[:2], 1, 1)}"
            raise self.error("bottom 0 has one factor for each item and channel", "bottom", got=a, want=want)
        if x != b:
            raise self.error("bottoms 1 and 2 must have the same shape", "bottom", got=b, want=x)
        return (x,)

    def build(self, site):
        """keras.ops only."""
        rank = len(site.bottoms[1])
        shape = channel_shape(rank)
        channels, shape[0] = site.bottoms[0][1], -1

        def axpy(a, x, b):
            wide = [channels if size == -1 and axis else size for axis, size in enumerate(shape)]
            return ops.reshape(to_caffe(a), wide) * x + b

        return axpy
