"""SoftmaxWithLoss: the multinomial logistic loss of the softmax of its bottom."""

from zoo.layers.base.families import LossType
from zoo.layers.base.geometry import canonical_axis, count, keras_axis
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import from_caffe
from zoo.layers.ops.losses import (
    MOST,
    NAN,
    Labels,
    check_labels,
    check_same_first,
    clamp_through,
    lines_along,
    read_ignore_label,
    read_normalization,
)


class _SoftmaxLoss(LossType):
    """What both types have in common; the formulae stand in `SoftmaxWithLoss`."""

    reads_bottom_in_backward = False
    prediction = ("Softmax", "softmax_param")
    bottom_count = 2
    top_count = (1, 3)
    fields = ("loss_param", "softmax_param")
    class_weights = None
    divides_by_zero = False

    def read(self, loss, softmax):
        self.normalization, self.ignore = read_normalization(loss, pre_fixed=True), read_ignore_label(loss)
        self.pre_fixed = loss.pre_fixed_normalizer
        self.axis = softmax.axis
        softmax.no_effect("engine")

    def top_shapes(self, bottoms):
        """A scalar, the scores' shape and the labels'."""
        check_same_first(self, bottoms)
        check_labels(self, bottoms, self.axis)
        return ((), *bottoms)[: len(self.layer.tops)]

    def lookups(self, bottoms):
        """Labels of its classes."""
        return {1: (bottoms[0][canonical_axis(self.axis, len(bottoms[0]))], self.ignore)}

    def build(self, site):
        """keras.ops only: TensorFlow's fused kernel and plain Keras alike, in float32."""
        scores, label_shape = site.bottoms
        rank = len(scores)
        axis = canonical_axis(self.axis, rank)
        inner = count(scores, axis + 1)
        unguarded = self.divides_by_zero and self.normalization == "VALID"

        def loss(x, label):
            x = ops.cast(x, "float32")
            lines = lines_along(x, axis, rank)
            labels = Labels(label, scores[axis], self.ignore)
            if unguarded:
                divisor = labels.valid_count()
                lines = lines * ops.where(ops.equal(divisor, 0), NAN, 1.0)  # the gradient is NaN too, 0 * 1/0
            else:
                divisor = labels.normalizer(self.normalization, inner, self.pre_fixed)
            each = ops.sparse_categorical_crossentropy(labels.safe, lines, from_logits=True)
            each = labels.only(clamp_through(each, most=MOST))
            if self.class_weights is not None:
                each = each * ops.take(ops.convert_to_tensor(self.class_weights, "float32"), labels.safe)
            probabilities = ops.stop_gradient(ops.softmax(x, axis=keras_axis(axis, rank)))
            each_label = from_caffe(ops.reshape(ops.stop_gradient(each), (-1, *label_shape[1:])))
            return (ops.sum(each) / divisor, probabilities, each_label)[: len(site.tops)]

        return loss


@layer_type("SoftmaxWithLoss", source="softmax_loss_layer.cpp:10-149")
class SoftmaxWithLoss(_SoftmaxLoss):
    """loss = -sum log(max(softmax(x)[label], FLT_MIN)) / normaliser, over the labels that are not ignored.

    The gradient is (softmax(x) - onehot) / normaliser, where the clamp bites too. Normaliser, at least 1: FULL all
    labels; VALID (default) those not ignored; BATCH_SIZE the product of the axes before `axis`; NONE 1; PRE_FIXED
    loss_param.pre_fixed_normalizer.

    SegNet's weight_by_label_freqs multiplies the loss and the gradient of each label by its class_weighting. BATCH_SIZE
    is the default then, as where SegNet's code is compiled with BVLC's schema, which is how its numbers were recorded;
    VALID (`normalize: true`) still counts labels, and where all are ignored the loss is 0/0, NaN, as is its gradient.

    Bottoms: scores, and as many labels (0 to classes - 1, any shape) as there are lines along softmax_param.axis ->
    tops: loss, a scalar[, the softmax, in the scores' shape[, the loss of each label, not divided, in the labels'
    shape]]; no gradient comes back through tops 1 and 2. A label that no class has makes the loss NaN. Blobs: none.
    """

    unstated = "BATCH_SIZE"  # the normaliser with class weights, where the text does not say

    def read(self, loss, softmax):
        """Reads loss_param and softmax_param."""
        super().read(loss, softmax)
        if loss.weight_by_label_freqs:
            self.normalization = read_normalization(loss, default=self.unstated, pre_fixed=True)
            self.class_weights, self.divides_by_zero = tuple(loss.class_weighting), True
            if not self.class_weights:
                raise loss.error(
                    "weight_by_label_freqs needs class_weighting, one for each class", "weight_by_label_freqs"
                )
        loss.no_effect("class_weighting")

    def top_shapes(self, bottoms):
        """A scalar, the scores' shape and the labels'."""
        tops = super().top_shapes(bottoms)
        classes = bottoms[0][canonical_axis(self.axis, len(bottoms[0]))]
        if self.class_weights is not None and len(self.class_weights) != classes:
            got = f"{len(self.class_weights)} for {classes} classes"
            raise self.error("class_weighting must be given once for each class", "loss_param.class_weighting", got=got)
        return tops


@layer_type(
    "SoftmaxWithLoss",
    source="alexgkendall/caffe-segnet@segnet-cleaned softmax_loss_layer.cpp:13-159, caffe.proto:388",
    variant="segnet",
)
class SegNetSoftmaxWithLoss(SoftmaxWithLoss):
    """As SoftmaxWithLoss, but `normalize` is true where it is not given: class weights or not, labels are counted.

    The fork's caffe.proto says `optional bool normalize = 2 [default = true]`, where BVLC's has no default, and its
    loss is divided by the labels that are not ignored, without a guard against none. Bottoms, tops: those of
    SoftmaxWithLoss.
    """

    unstated = "VALID"
    divides_by_zero = True


@layer_type("SoftmaxWithLossOHEM", source="intel/caffe@master softmax_loss_ohem_layer.cpp:48-236")
class SoftmaxWithLossOHEM(_SoftmaxLoss):
    """SoftmaxWithLoss under the name that Intel's Caffe gives to R-FCN's form of it; without class weights."""

    default_loss_weight = 1.0
