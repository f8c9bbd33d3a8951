"""BoxAnnotatorOHEM: only the regions of most loss are trained on."""

import math

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import from_caffe, to_caffe


@layer_type("BoxAnnotatorOHEM", source="daijifeng001/caffe-rfcn@r-fcn box_annotator_ohem_layer.cu:19-88")
class BoxAnnotatorOHEM(LayerType):
    """In each image the roi_per_img regions of most loss keep label and weights; the rest get ignore_label and 0.

    Bottoms: regions (R,5,h,w), whose channel 0 is the image, loss (R,1,h,w), labels (R,1,h,w), box weights (R,K,h,w)
    -> tops: labels (R,1,h,w), weights (R,K,h,w). Axes that a bottom leaves out are 1. Of equal losses the first counts
    as larger (the fork's sort leaves it open). Regions of image -1, filling rows, are never kept. No gradient. Blobs:
    none.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = True
    no_gradient_bottoms = (0, 1, 2, 3)
    pixel_map = None
    deployed = False
    bottom_count = 4
    top_count = 2
    fields = ("box_annotator_ohem_param",)

    def read(self, p):
        """Reads box_annotator_ohem_param."""
        if not p.has("roi_per_img"):
            raise p.error("roi_per_img must be given", "roi_per_img")
        self.kept, self.ignore = p.roi_per_img, p.ignore_label
        if self.kept < 1:
            raise p.error("roi_per_img must be above 0", "roi_per_img", got=self.kept)

    def top_shapes(self, bottoms):
        """Those of labels and weights, with 4 axes."""
        full = [(*shape, *(1,) * (4 - len(shape))) for shape in bottoms]
        r, _, *plane = full[0]
        for index, (shape, channels) in enumerate(zip(full, (5, 1, 1, None))):
            want = (r, channels or shape[1], *plane)
            if shape != want:
                raise self.error(f"bottom {index} does not fit", "bottom", got=bottoms[index], want=want)
        return (r, 1, *plane), full[3]

    def build(self, site):
        """Each region counts those of its image that come before it."""
        plane = site.tops[0][2:]
        pixels, channels = math.prod(plane), site.tops[1][1]

        def annotate(*bottoms):
            rois, loss, labels, weights = (ops.stop_gradient(to_caffe(x)) for x in bottoms)
            image = ops.cast(ops.reshape(ops.reshape(rois, (-1, 5, pixels))[:, 0], (-1,)), "int32")
            loss = ops.reshape(loss, (-1,))
            place = ops.cumsum(ops.ones_like(image))

            def each(compare, x):
                return compare(ops.expand_dims(x, 0), ops.expand_dims(x, 1))

            ahead = ops.logical_and(each(ops.equal, loss), each(ops.less, place))
            ahead = ops.logical_and(each(ops.equal, image), ops.logical_or(each(ops.greater, loss), ahead))
            number = ops.sum(ops.cast(ahead, "int32"), axis=1)
            keep = ops.reshape(ops.logical_and(number < self.kept, image >= 0), (-1, 1, *plane))
            labels, weights = ops.reshape(labels, (-1, 1, *plane)), ops.reshape(weights, (-1, channels, *plane))
            labels = ops.where(keep, labels, ops.full_like(labels, self.ignore))
            return from_caffe(labels), from_caffe(ops.where(keep, weights, ops.zeros_like(weights)))

        return annotate
