"""CenterLoss: the distance of features from the centre of their class, which follows them."""

from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.families import LossType
from zoo.layers.base.geometry import canonical_axis, count
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.losses import Labels, items
from zoo.layers.ops.variables import reader


@layer_type("CenterLoss", source="ydwen/caffe-face@caffe-face center_loss_layer.cpp:10-125")
class CenterLoss(LossType):
    """loss = sum |x - c[label]|^2 / (2 N), with c the centres.

    Bottoms: x (N, ...) and N labels -> top: a scalar. x gets the gradient of its term. The centres get, whatever the
    loss weight, sum (c - x) / (1 + n) over the n items of their class: an own rule, not the derivative. Here the stated
    loss weight is divided out of it, so what else multiplies the loss, such as a layer that reads it, scales it too.
    A label that no class has makes the loss NaN. Blob: the centres (num_output, values of an item).
    """

    reads_bottom_in_backward = False
    bottom_count = 2
    fields = ("center_loss_param",)

    def read(self, p):
        """Reads center_loss_param."""
        self.classes, self.filler, self.axis = p.num_output, p.center_filler, p.axis
        if self.classes < 1:
            raise p.error("num_output must be given and positive", "num_output", got=self.classes)
        weights = self.layer.message.loss_weight
        self.weight = weights[0] if weights else self.default_loss_weight

    def top_shapes(self, bottoms):
        """A scalar."""
        x, label = bottoms
        field = "center_loss_param.axis"
        axis = canonical_axis(self.axis, len(x), self.layer.at(field))
        if axis == 0 or count(x, axis) != count(x, 1):
            raise self.error("features must be all values of an item", field, got=self.axis, want=1)
        if label[:1] != x[:1] or count(label) != x[0]:
            raise self.error("expects one label for each item", "bottom", got=label, want=(x[0],))
        return ((),)

    def lookups(self, bottoms):
        """Labels of its classes."""
        return {1: (self.classes, None)}

    def blobs(self, bottoms):
        """The centres."""
        return (BlobSpec((self.classes, count(bottoms[0], 1)), "centers", self.filler),)

    def build(self, site):
        """In float32; each of the two gradients comes from its own term."""
        shape = site.bottoms[0]
        centers = reader(site.variables[0], f"{site.name}__centers", site.portable, "float32")

        def loss(x, label):
            labels = Labels(label, self.classes)
            own = ops.take(centers(x), labels.safe, axis=0)
            x = items(x, shape)
            top = ops.mean(labels.only(ops.sum(ops.square(x - ops.stop_gradient(own)), axis=1))) / 2.0
            number = ops.segment_sum(ops.ones_like(labels.safe), labels.safe, self.classes)
            share = 1 / (1 + ops.cast(ops.take(number, labels.safe), "float32"))
            moved = ops.sum(own * ops.stop_gradient((own - x) * share[:, None])) / (self.weight or 1.0)
            return top + (moved - ops.stop_gradient(moved))

        return loss
