"""ROIPooling: the largest value of each bin of each region."""

import numpy as np

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.pooling import lowest
from zoo.layers.ops.range_argmax import range_argmax
from zoo.layers.ops.rois import Rois, check_rois, divided, edges, round_away


@layer_type("ROIPooling", source="rbgirshick/caffe-fast-rcnn@faster-rcnn roi_pooling_layer.cpp:23-134")
class ROIPooling(LayerType):
    """Each region is cut into pooled_h x pooled_w bins that may overlap; top = the largest value of the bin.

    start, end = round(coordinate * spatial_scale), halves away from 0; bin i = [floor(i b), ceil((i + 1) b)) + start,
    b = max(end - start + 1, 1) / pooled, clipped to the map; an empty bin gives 0. The gradient goes to the first of
    the largest values, row by row, summed over the regions; none to the regions.

    Bottoms: data (N,C,H,W), regions (R,5) of image, x1, y1, x2, y2 -> top (R,C,pooled_h,pooled_w). A region of an image
    that is not there is NaN (the fork stops), one of image -1, a filling row, is 0. Blobs: none.
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = True
    no_gradient_bottoms = (1,)
    pixel_map = None
    bottom_count = 2
    fields = ("roi_pooling_param",)

    def read(self, p):
        """Reads roi_pooling_param; pooled_size, once or for both axes, is Intel's."""
        size = list(p.pooled_size)
        if len(size) > 2:
            raise p.error("only regions of two axes are pooled here", "pooled_size", got=size, want="1 or 2 sizes")
        self.pooled = (size[0], size[-1]) if size else (p.pooled_h, p.pooled_w)
        if size and (p.has("pooled_h") or p.has("pooled_w")):
            raise p.error("pooled_size, or pooled_h and pooled_w", "pooled_size")
        for name, value in zip(("pooled_h", "pooled_w"), self.pooled):
            if value < 1:
                raise p.error(f"{name} must be above 0", "pooled_size" if size else name, got=value)
        self.scale = p.spatial_scale

    def top_shapes(self, bottoms):
        """A map of bins for each region."""
        check_rois(self, bottoms)
        return ((bottoms[1][0], bottoms[0][1], *self.pooled),)

    def build(self, site):
        """Finds where the largest value is by tables of spans, which needs no gradient, and takes it from there."""
        height, width = site.bottoms[0][2:]
        channels = site.bottoms[0][1]
        channel = np.arange(channels, dtype=np.int32)
        (rows, columns), shape = self.pooled, site.bottoms[1]

        def bins(low, high, parts, limit):
            start, end = round_away(low * self.scale), round_away(high * self.scale)
            return edges(divided(ops.maximum(end - start + 1.0, 1.0), parts), parts, start, limit)

        def pool(x, rois):
            rois = Rois(rois, shape, x)
            tall, wide = bins(rois.top, rois.bottom, rows, height), bins(rois.left, rois.right, columns, width)
            place, found, empty = range_argmax(x, rois.image, tall, wide)
            values = ops.take(ops.reshape(x, (-1,)), place * channels + channel)
            values = ops.where(found, values, ops.full_like(values, lowest(values)))
            return rois.only(ops.where(ops.expand_dims(empty, -1), ops.zeros_like(values), values))

        return pool
