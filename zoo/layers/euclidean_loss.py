"""EuclideanLoss: half the mean square distance."""

from zoo.layers.base.families import DistanceLossType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.losses import items


@layer_type("EuclideanLoss", source="euclidean_loss_layer.cpp:8-43")
class EuclideanLoss(DistanceLossType):
    """loss = sum (a - b)^2 / (2 N). Bottoms a, b of N items of one size -> top: a scalar. Both get a gradient."""

    reads_bottom_in_backward = False
    bottom_count = 2

    def build(self, site):
        """Order matters only where the bottoms' shapes differ; in float32."""
        a_shape, b_shape = site.bottoms

        def loss(a, b):
            if a_shape == b_shape:
                difference = ops.cast(a, "float32") - ops.cast(b, "float32")
            else:
                difference = items(a, a_shape) - items(b, b_shape)
            each = ops.sum(ops.square(difference), axis=tuple(range(1, len(difference.shape))))
            return ops.mean(each) / 2.0

        return loss
