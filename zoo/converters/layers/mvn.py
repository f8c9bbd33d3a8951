"""MVN: mean and variance normalisation."""

from keras import ops

from zoo.converters.layer_type import LayerType
from zoo.converters.layout import from_caffe, to_caffe
from zoo.converters.registry import layer_type


@layer_type("MVN", source="mvn_layer.cpp:9-124")
class MVN(LayerType):
    """y = (x - mean) / (sqrt(var) + eps), of each plane, or of each item with across_channels; or x - mean alone.

    The gradient is Caffe's, which takes sqrt(var) + eps for sqrt(var) in one place (mvn_layer.cpp:88-115): exact as eps
    goes to 0, and finite for a constant plane.
    Bottom of up to 4 axes -> top (N,C,H,W), missing axes being 1. Blobs: none.
    """

    fields = ("mvn_param",)

    def read(self, p):
        """Takes mvn_param."""
        self.normalize_variance, self.across_channels, self.eps = p.normalize_variance, p.across_channels, p.eps

    def top_shapes(self, bottoms):
        """The bottom's shape, filled up to four axes."""
        (shape,) = bottoms
        if len(shape) > 4:
            raise self.error("MVN takes up to (N,C,H,W)", "bottom", got=shape, want="4 axes or fewer")
        return ((*shape, *(1,) * (4 - len(shape))),)

    def build(self, site):
        """keras.ops."""
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

        return normalize
