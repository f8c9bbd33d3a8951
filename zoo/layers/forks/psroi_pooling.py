"""PSROIPooling: the mean of each bin of each region, where every bin has channels of its own."""

import numpy as np

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.rois import Rois, check_rois, divided, edges, round_away


@layer_type("PSROIPooling", source="daijifeng001/caffe-rfcn@r-fcn psroi_pooling_layer.cu:24-78")
class PSROIPooling(LayerType):
    """Each region is cut into g x g bins, g = group_size; channel c of bin (i, j) = mean of channel (c g + i) g + j.

    start = round(x1) * spatial_scale, end = (round(x2) + 1) * spatial_scale, halves away from 0; bin i =
    [floor(i b + start), ceil((i + 1) b + start)), b = max(end - start, 0.1) / g, clipped to the map; an empty bin
    gives 0. The regions get no gradient.

    Bottoms: data (N, output_dim g g, H, W), regions (R,5) of image, x1, y1, x2, y2 -> top (R,output_dim,g,g). The means
    are products with masks, so that one value of the map that is not finite makes all bins of its image NaN. A region
    of an image that is not there is NaN, one of image -1, a filling row, is 0. Blobs: none.
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = True
    no_gradient_bottoms = (1,)
    pixel_map = None
    bottom_count = 2
    fields = ("psroi_pooling_param",)

    def read(self, p):
        """Reads psroi_pooling_param, all of which the file must give."""
        for name in ("spatial_scale", "output_dim", "group_size"):
            if not p.has(name):
                raise p.error(f"{name} must be given", name)
        self.scale, self.outputs, self.group = p.spatial_scale, p.output_dim, p.group_size
        for name, value in (("output_dim", self.outputs), ("group_size", self.group)):
            if value < 1:
                raise p.error(f"{name} must be above 0", name, got=value)

    def top_shapes(self, bottoms):
        """A map of bins for each region."""
        check_rois(self, bottoms)
        if bottoms[0][1] != (want := self.outputs * self.group**2):
            got = f"{bottoms[0][1]} channels"
            raise self.error("channels do not fit output_dim and group_size", "bottom", got=got, want=want)
        return ((bottoms[1][0], self.outputs, self.group, self.group),)

    def build(self, site):
        """Sums along one axis for all regions, then along the other for the image of each."""
        _, _, height, width = site.bottoms[0]
        shape, group = site.bottoms[1], self.group

        def bins(low, high, limit):
            start, end = round_away(low) * self.scale, (round_away(high) + 1.0) * self.scale
            size = ops.maximum(end - start, 0.1)
            return edges(divided(size, group), group, start, limit, offset_first=True)

        def pool(x, rois):
            rois = Rois(rois, shape, x)
            tall, wide = bins(rois.top, rois.bottom, height), bins(rois.left, rois.right, width)
            own = ops.equal(ops.expand_dims(rois.image, 1), ops.expand_dims(rois.numbers, 0))
            rows, columns = (ops.cast(_inside(*span, size), x.dtype) for span, size in ((tall, height), (wide, width)))
            maps = ops.reshape(x, (-1, height, width, self.outputs, group, group))
            sums = ops.einsum("rjw,nhwdij->rjnhdi", columns, maps)
            sums = ops.einsum("rih,rn,rjnhdi->rijd", rows, ops.cast(own, x.dtype), sums)
            area = ops.expand_dims(tall[1] - tall[0], 2) * ops.expand_dims(wide[1] - wide[0], 1)
            area = ops.expand_dims(ops.cast(ops.maximum(area, 1), x.dtype), 3)
            return rois.only(sums / area)

        return pool


def _inside(first, end, size):
    """(R,P) edges -> (R,P,size) bool: which of `size` places lie in each bin."""
    place = np.arange(size, dtype=np.int32)
    first, end = ops.expand_dims(first, 2), ops.expand_dims(end, 2)
    return ops.logical_and(first <= place, end > place)
