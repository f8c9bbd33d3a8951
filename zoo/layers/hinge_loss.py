"""HingeLoss: one against all."""

from zoo.layers.base.families import LabelledLossType
from zoo.layers.base.geometry import count
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.losses import Labels, items


@layer_type("HingeLoss", source="hinge_loss_layer.cpp:9-73")
class HingeLoss(LabelledLossType):
    """loss = sum max(0, 1 - s x) / N for norm L1 (default), of the squares for L2; s is 1 at the label, else -1.

    Bottoms: scores (N, ...), an item's values being the classes in C,H,W order, and N labels -> top: a scalar. A label
    that no class has makes the loss NaN. Blobs: none.
    """

    reads_bottom_in_backward = False
    fields = ("hinge_loss_param",)

    def read(self, p):
        self.norm = p.enum("norm")

    def build(self, site):
        """In float32."""
        shape = site.bottoms[0]
        classes = count(shape, 1)

        def loss(x, label):
            x = items(x, shape)
            labels = Labels(label, classes)
            sign = 2.0 * ops.one_hot(labels.safe, classes) - 1.0
            margin = ops.relu(1.0 - sign * x)
            each = ops.sum(margin if self.norm == "L1" else ops.square(margin), axis=1)
            return ops.sum(labels.only(each)) / labels.valid_count()

        return loss
