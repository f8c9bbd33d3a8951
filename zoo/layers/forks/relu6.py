"""ReLU6."""

from zoo.layers.base.families import PointwiseType
from zoo.layers.base.lazy import keras, ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.losses import clamp_through


@layer_type("ReLU6", source="eric612/Caffe-YOLOv3-Windows@master relu6_layer.cpp:9-39")
class ReLU6(PointwiseType):
    """y = min(max(x, 0) + negative_slope * min(x, 0), 6); the gradient at 0 is the slope, from 6 on it is 0.

    In place it goes by y. Any shape -> the same; no blobs.
    """

    reads_bottom_in_backward = True
    in_place = True
    fields = ("relu6_param",)

    def read(self, p):
        """Reads relu6_param."""
        self.slope = p.negative_slope
        p.no_effect("engine")

    def build(self, site):
        """Keras's ReLU; with a slope by selection."""
        if not self.slope:
            return keras.layers.ReLU(max_value=6.0, name=site.name)

        def relu6(x):
            y = ops.where(x > 0, ops.where(x < 6, x, ops.full_like(x, 6.0)), self.slope * x)
            return clamp_through(y, most=6.0) if self.slope < 0 else y

        if self.overwrites and self.slope < 0 and not site.portable:
            from zoo.layers.keras_layers.in_place import InPlace

            return InPlace(relu6, lambda x, y, dy: ops.where(y > 0, dy, self.slope * dy) * (y < 6), site.name)
        return relu6
