"""Reorg: pixels to channels and back, in Darknet's own order."""

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import from_caffe, to_caffe


@layer_type("Reorg", source="eric612/Caffe-YOLOv3-Windows@master reorg_layer.cpp:7-57")
class Reorg(LayerType):
    """Each item's values in another order, s = stride, which is not that of space to depth.

    Of the item read as an array (C/s^2, H, s, W, s) the axes s go first: (s, s, C/s^2, H, W). With `reverse` the other
    way. H and W are the bottom's, so that the array is no view of the map. Bottom (N,C,H,W) -> top (N, C s^2, H/s,
    W/s), with `reverse` (N, C/s^2, H s, W s). C must be a multiple of s^2, and without `reverse` H and W of s. The
    gradient is put back in order; the fork's CPU code reads memory there that nobody wrote. Blobs: none.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    fields = ("reorg_param",)

    def read(self, p):
        """Reads reorg_param."""
        if not p.has("stride") or p.stride < 1:
            raise p.error("stride must be given, above 0", "stride", got=p.stride)
        self.stride, self.reverse = p.stride, p.reverse

    def top_shapes(self, bottoms):
        """As the class says."""
        (shape,), s = bottoms, self.stride
        if len(shape) != 4:
            raise self.error("expects (N,C,H,W)", "bottom", got=shape, want="4 axes")
        n, c, h, w = shape
        if c % s**2:
            raise self.error("the channels must be a multiple of stride squared", "bottom", got=c, want=s**2)
        if self.reverse:
            return ((n, c // s**2, h * s, w * s),)
        if h % s or w % s:
            raise self.error("height and width must be multiples of stride", "bottom", got=(h, w), want=s)
        return ((n, c * s**2, h // s, w // s),)

    def build(self, site):
        """A transposition of an array of six axes."""
        (_, c, h, w), s = site.bottoms[0], self.stride
        before, order = (c // s**2, h, s, w, s), (0, 3, 5, 1, 2, 4)
        if self.reverse:
            before, order = (s, s, c // s**2, h, w), (0, 3, 4, 1, 5, 2)

        def reorg(x):
            x = ops.transpose(ops.reshape(to_caffe(x), (-1, *before)), order)
            return from_caffe(ops.reshape(x, (-1, *site.tops[0][1:])))

        return reorg
