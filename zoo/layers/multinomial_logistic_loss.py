"""MultinomialLogisticLoss: the log of given probabilities."""

from zoo.layers.base.families import LabelledLossType
from zoo.layers.base.geometry import count
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.losses import Labels, items

LEAST = 1e-20  # loss_layer.hpp:12


@layer_type("MultinomialLogisticLoss", source="multinomial_logistic_loss_layer.cpp:10-66")
class MultinomialLogisticLoss(LabelledLossType):
    """loss = -sum log(max(p[label], 1e-20)) / N; the gradient is -1 / (N max(p, 1e-20)), where the clamp bites too.

    Bottoms: probabilities (N, ...), an item's values being the classes in C,H,W order, and labels (N[, 1, 1, 1]) ->
    top: a scalar. A label that no class has makes the loss NaN. Blobs: none.
    """

    reads_bottom_in_backward = True

    def build(self, site):
        """In float32."""
        shape = site.bottoms[0]

        def loss(p, label):
            labels = Labels(label, count(shape, 1))
            own = ops.take_along_axis(items(p, shape), ops.expand_dims(labels.safe, 1), axis=1)[:, 0]
            value = ops.stop_gradient(own)
            clamped = ops.maximum(value, LEAST)
            each = (value - own) / clamped - ops.log(clamped)
            return ops.sum(labels.only(each)) / labels.valid_count()

        return loss
