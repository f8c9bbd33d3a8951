"""ContrastiveLoss: pulls similar pairs together and pushes others a margin apart."""

from zoo.layers.base.families import LossType
from zoo.layers.base.geometry import count
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.losses import check_same_first, items


@layer_type("ContrastiveLoss", source="contrastive_loss_layer.cpp:9-111")
class ContrastiveLoss(LossType):
    """loss = sum (d^2 if similar else max(margin - d, 0)^2) / (2 N), d the distance of a and b.

    legacy_version takes max(margin - d^2, 0) for a dissimilar pair. Caffe's gradient there, which this has too, divides
    by d + 1e-4 and not by d. Bottoms a, b (N, C[, 1, 1]) and similarity, N values that are 0 if cut to a whole number
    or not -> top: a scalar. Gradients go to a and b. Blobs: none.
    """

    reads_bottom_in_backward = False
    scored_bottoms = 2
    no_gradient_bottoms = (2,)
    bottom_count = 3
    fields = ("contrastive_loss_param",)

    def read(self, p):
        self.margin, self.legacy = p.margin, p.legacy_version

    def top_shapes(self, bottoms):
        """A scalar."""
        check_same_first(self, bottoms)
        a, b, similar = bottoms
        if any(len(shape) > 4 or count(shape, 2) != 1 for shape in (a, b)) or count(a, 1) != count(b, 1):
            raise self.error("expects two bottoms (N, C) or (N, C, 1, 1)", "bottom", got=f"{a} and {b}")
        if count(similar) != a[0]:
            raise self.error("expects one similarity per pair", "bottom", got=similar, want=f"({a[0]},)")
        return ((),)

    def build(self, site):
        """In float32; the gradient comes from half the squared distance, weighted as Caffe does."""
        a_shape, b_shape, _ = site.bottoms

        def loss(a, b, similarity):
            square = ops.sum(ops.square(items(a, a_shape) - items(b, b_shape)), axis=1)
            value = ops.stop_gradient(square)
            similar = ops.not_equal(ops.cast(ops.reshape(ops.stop_gradient(similarity), (-1,)), "int32"), 0)
            if self.legacy:
                apart, slope = self.margin - value, -1.0
                far = ops.maximum(apart, 0.0)
            else:
                distance = ops.sqrt(value)
                apart = self.margin - distance
                far, slope = ops.square(ops.maximum(apart, 0.0)), -apart / (distance + 1e-4)
            slope = ops.where(similar, 1.0, ops.where(apart > 0, slope, 0.0))
            each = ops.where(similar, value, far) + slope * (square - value)
            return ops.mean(each) / 2.0

        return loss
