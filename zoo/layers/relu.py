"""ReLU, with Caffe's slope for negative values."""

from zoo.layers.base.families import PointwiseType
from zoo.layers.base.lazy import keras, ops
from zoo.layers.base.registry import layer_type


@layer_type("ReLU", source="relu_layer.cpp:8-36")
class ReLU(PointwiseType):
    """y = max(x, 0) + negative_slope * min(x, 0); the gradient at 0 is the slope, in place it goes by the sign of y.

    Any shape -> the same; no blobs.
    """

    reads_bottom_in_backward = True
    in_place = True

    fields = ("relu_param",)

    def read(self, p):
        self.slope = p.negative_slope
        p.no_effect("engine")

    def build(self, site):
        """Keras's ReLU; a negative slope, which it refuses, by selection."""
        if self.slope < 0:

            def relu(x):
                return ops.where(x > 0, x, self.slope * x)

            if self.overwrites and not site.portable:
                from zoo.layers.keras_layers.in_place import InPlace

                return InPlace(relu, lambda x, y, dy: ops.where(y > 0, dy, self.slope * dy), site.name)
            return relu
        return keras.layers.ReLU(negative_slope=self.slope, name=site.name)
