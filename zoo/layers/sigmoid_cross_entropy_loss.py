"""SigmoidCrossEntropyLoss: each value its own yes-or-no question."""

from zoo.layers.base.families import LossType
from zoo.layers.base.geometry import count
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.losses import (
    check_same_first,
    items,
    normalizer,
    read_ignore_label,
    read_normalization,
    sigmoid_cross_entropy,
)


@layer_type("SigmoidCrossEntropyLoss", source="sigmoid_cross_entropy_loss_layer.cpp:9-131")
class SigmoidCrossEntropyLoss(LossType):
    """loss = -sum (t log sigmoid(x) + (1 - t) log(1 - sigmoid(x))) / normaliser, over the targets not ignored.

    A target is ignored if, cut to a whole number, it equals ignore_label. Normaliser, at least 1: BATCH_SIZE (default,
    unlike SoftmaxWithLoss) the items; FULL all values; VALID those not ignored; NONE 1. The gradient goes to x alone.

    Bottoms x (N, ...) and targets of as many values -> top: a scalar. Blobs: none.
    """

    reads_bottom_in_backward = False
    prediction = ("Sigmoid", "sigmoid_param")
    bottom_count = 2
    fields = ("loss_param",)

    def read(self, p):
        self.normalization, self.ignore = read_normalization(p, default="BATCH_SIZE"), read_ignore_label(p)

    def top_shapes(self, bottoms):
        """A scalar."""
        check_same_first(self, bottoms)
        if count(bottoms[0]) != count(bottoms[1]):
            raise self.error("bottoms must have the same number of values", "bottom", got=bottoms[1], want=bottoms[0])
        return ((),)

    def build(self, site):
        """The form without overflow, in float32."""
        x_shape, t_shape = site.bottoms

        def loss(x, target):
            x, t = items(x, x_shape), ops.stop_gradient(items(target, t_shape))
            each = sigmoid_cross_entropy(x, t)
            total = ops.size(x)
            if self.ignore is not None:
                valid = ops.not_equal(ops.cast(t, "int32"), self.ignore)
                each = ops.where(valid, each, 0.0)
                if self.normalization == "VALID":
                    return ops.sum(each) / ops.maximum(ops.sum(ops.cast(valid, "float32")), 1.0)
            mode = "FULL" if self.normalization == "VALID" else self.normalization
            return ops.sum(each) / normalizer(mode, total, count(x_shape, 1))

        return loss
