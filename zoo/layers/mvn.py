"""MVN: mean and variance normalisation."""

import math

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import from_caffe, to_caffe


@layer_type("MVN", source="mvn_layer.cpp:9-124")
class MVN(LayerType):
    """y = (x - mean) / (sqrt(var) + eps), of each plane, or of each item with across_channels; or x - mean alone.

    The gradient is Caffe's, which takes sqrt(var) + eps for sqrt(var) in one place (mvn_layer.cpp:88-115): exact as eps
    goes to 0, and finite for a constant plane.
    In place it is another, as Caffe overwrites the top's while it still reads that: over n values, with any BLAS but
    MKL, -2/n y sum(y dy) / (sqrt(var) + eps).
    Bottom of up to 4 axes -> top (N,C,H,W), missing axes being 1. Blobs: none.
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
    in_place = True
    fields = ("mvn_param",)

    def read(self, p):
        self.normalize_variance, self.across_channels, self.eps = p.normalize_variance, p.across_channels, p.eps

    def top_shapes(self, bottoms):
        """The bottom's shape, filled up to four axes."""
        (shape,) = bottoms
        if len(shape) > 4:
            raise self.error("MVN takes at most (N,C,H,W)", "bottom", got=shape, want="4 axes or fewer")
        if len(shape) < 4 and self.overwrites:
            raise self.error("in place, the bottom must have the top's shape", "bottom", got=shape, want="4 axes")
        return ((*shape, *(1,) * (4 - len(shape))),)

    def build(self, site):
        (top,) = site.tops
        axes = (1, 2, 3) if self.across_channels else (1, 2)

        def normalize(x):
            if len(site.bottoms[0]) < 4:
                x = from_caffe(ops.reshape(to_caffe(x), (-1, *top[1:])))
            x = x - ops.mean(x, axis=axes, keepdims=True)
            if not self.normalize_variance:
                return x
            variance = ops.mean(ops.square(x), axis=axes, keepdims=True)
            still = ops.stop_gradient(variance)
            deviation = ops.sqrt(still) + self.eps
            return x / (deviation + (variance - still) / (2 * deviation))

        def backward(x, y, dy):
            count = math.prod(ops.shape(x)[axis] for axis in axes)
            deviation = ops.sqrt(ops.var(x, axis=axes, keepdims=True)) + self.eps
            return -2 / count * y * ops.sum(y * dy, axis=axes, keepdims=True) / deviation

        if self.overwrites and self.normalize_variance and not site.portable:
            from zoo.layers.keras_layers.in_place import InPlace

            return InPlace(normalize, backward, site.name)
        return normalize
