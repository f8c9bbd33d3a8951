"""SoftmaxWithLoss: the multinomial logistic loss of the softmax of its bottom."""

import math

from zoo.layers.base.families import LossType
from zoo.layers.base.geometry import canonical_axis, count, keras_axis
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.losses import (
    Labels,
    check_labels,
    check_same_first,
    clamp_through,
    lines_along,
    read_ignore_label,
    read_normalization,
)

MOST = -math.log(1.1754943508222875e-38)  # of one line: Caffe takes the log of max(p, FLT_MIN)


@layer_type("SoftmaxWithLoss", source="softmax_loss_layer.cpp:10-149")
class SoftmaxWithLoss(LossType):
    """loss = -sum log(max(softmax(x)[label], FLT_MIN)) / normaliser, over the labels that are not ignored.

    The gradient is (softmax(x) - onehot) / normaliser, where the clamp bites too. Normaliser, at least 1: FULL all
    labels; VALID (default) those not ignored; BATCH_SIZE the product of the axes before `axis`; NONE 1.

    Bottoms: scores, and as many labels (0 to classes - 1, any shape) as there are lines along softmax_param.axis ->
    tops: loss, a scalar[, the softmax, in the scores' shape; no gradient comes back through it]. A label that no class
    has makes the loss NaN. Blobs: none.
    """

    reads_bottom_in_backward = False
    prediction = ("Softmax", "softmax_param")
    bottom_count = 2
    top_count = (1, 2)
    fields = ("loss_param", "softmax_param")

    def read(self, loss, softmax):
        """Reads loss_param and softmax_param."""
        self.normalization, self.ignore = read_normalization(loss), read_ignore_label(loss)
        self.axis = softmax.axis
        softmax.no_effect("engine")

    def top_shapes(self, bottoms):
        """A scalar, and the scores' shape."""
        check_same_first(self, bottoms)
        check_labels(self, bottoms, self.axis)
        return ((), bottoms[0])[: len(self.layer.tops)]

    def lookups(self, bottoms):
        """Labels of its classes."""
        return {1: (bottoms[0][canonical_axis(self.axis, len(bottoms[0]))], self.ignore)}

    def build(self, site):
        """keras.ops only: TensorFlow's fused kernel and plain Keras alike, in float32."""
        scores = site.bottoms[0]
        rank = len(scores)
        axis = canonical_axis(self.axis, rank)
        inner = count(scores, axis + 1)

        def loss(x, label):
            x = ops.cast(x, "float32")
            lines = lines_along(x, axis, rank)
            labels = Labels(label, scores[axis], self.ignore)
            each = ops.sparse_categorical_crossentropy(labels.safe, lines, from_logits=True)
            total = ops.sum(labels.only(clamp_through(each, most=MOST)))
            top = total / labels.normalizer(self.normalization, inner)
            if len(site.tops) == 1:
                return top
            return top, ops.stop_gradient(ops.softmax(x, axis=keras_axis(axis, rank)))

        return loss
