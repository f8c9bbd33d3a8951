"""What the losses and Accuracy share: labels as integers, the normaliser, clamps that gradients pass through."""

import math

from zoo.errors import NetError
from zoo.layers.base.geometry import canonical_axis, count, keras_axis
from zoo.layers.base.lazy import ops
from zoo.layers.ops.layout import to_caffe

NAN = float("nan")
MOST = -math.log(1.1754943508222875e-38)  # of one softmax loss: Caffe takes the log of max(p, FLT_MIN)


def read_normalization(params, default="VALID", pre_fixed=False):
    """Returns "FULL", "VALID", "BATCH_SIZE" or "NONE" of a loss_param's `Fields`; "PRE_FIXED" too with `pre_fixed`.

    `normalization` decides where it is set, then the legacy `normalize`, then `default` (softmax_loss_layer.cpp:28-35).

    Raises:
        NetError: PRE_FIXED for a type that does not know it.
    """
    legacy, normalize = params.has("normalize"), params.normalize
    if params.has("normalization"):
        mode = params.enum("normalization")
        if mode == "PRE_FIXED" and not pre_fixed:
            want = "FULL, VALID, BATCH_SIZE or NONE"
            raise params.error("this layer type has no such normalization", "normalization", got=mode, want=want)
        return mode
    if legacy:
        return "VALID" if normalize else "BATCH_SIZE"
    return default


def read_ignore_label(params):
    """Returns the ignore_label of a message's `Fields`, or None where it is not set."""
    label = params.ignore_label
    return label if params.has("ignore_label") else None


def check_same_first(kind, bottoms):
    """Raises NetError unless the first two bottoms have the same first dimension (loss_layer.cpp:19-20)."""
    a, b = bottoms[0], bottoms[1]
    if not a or not b or a[0] != b[0]:
        raise kind.error("bottoms 0 and 1 must have the same first dimension", "bottom", got=f"{a} and {b}")


def check_labels(kind, bottoms, axis):
    """Returns the canonical class axis; raises NetError unless there is one label for each of its lines."""
    scores, labels = bottoms[0], bottoms[1]
    axis = canonical_axis(axis, len(scores), kind.layer.at("bottom"))
    want = count(scores, 0, axis) * count(scores, axis + 1)
    if count(labels) != want:
        raise NetError(
            f"bottom 1 needs one label for each prediction, those along axis {axis} of {scores} being the classes",
            at=kind.layer.at("bottom"),
            got=f"{labels}, {count(labels)} labels",
            want=f"{want} labels",
        )
    return axis


def lines_along(x, axis, rank):
    """Returns the Keras tensor `x` as (lines, size): its Caffe `axis` last, all others flattened in Caffe's order."""
    order = [keras_axis(a, rank) for a in range(rank) if a != axis] + [keras_axis(axis, rank)]
    if order != list(range(rank)):
        x = ops.transpose(x, order)
    return ops.reshape(x, (-1, x.shape[-1])) if rank != 2 else x


def items(x, shape):
    """Returns the Keras tensor `x` of Caffe `shape` as (N, count of an item), in Caffe's order, float32."""
    x = ops.cast(x, "float32")
    return x if len(shape) == 2 else ops.reshape(to_caffe(x), (-1, math.prod(shape[1:])))


def integers(x):
    """Returns the labels in the Keras tensor `x` as a vector of int32 in Caffe's order, cut toward zero as C casts."""
    return ops.cast(ops.reshape(ops.stop_gradient(to_caffe(x)), (-1,)), "int32")


class Labels:
    """Integer labels of M lines of `classes` scores, sorted into valid, ignored and impossible ones.

    Caffe reads memory past the scores for a label that no class has. Here such a line is NaN, so that a wrong label
    shows in the loss at once and on every device.

    Attributes:
        safe: (M,) int32, 0 where there is no such class.
        ignored: (M,) bool, or None if nothing is ignored.
        possible: (M,) bool: a class has this label.
    """

    def __init__(self, x, classes, ignore=None):
        label = integers(x)
        self.ignored = None if ignore is None else ops.equal(label, ignore)
        self.possible = ops.logical_and(label >= 0, label < classes)
        self.safe = ops.where(self.possible, label, 0)

    def only(self, values):
        """Returns (M,) float32 `values` with 0 where the label is ignored and NaN where no class has it."""
        values = ops.where(self.possible, values, NAN)
        return values if self.ignored is None else ops.where(self.ignored, 0.0, values)

    def valid_count(self):
        """Returns the number of lines that are not ignored, as a float32 scalar."""
        if self.ignored is None:
            return ops.cast(ops.size(self.safe), "float32")
        return ops.sum(ops.cast(ops.logical_not(self.ignored), "float32"))

    def normalizer(self, mode, inner, pre_fixed=1.0):
        """Returns what the summed loss is divided by, at least 1 (softmax_loss_layer.cpp:59-86).

        Args:
            mode: "FULL", "VALID", "BATCH_SIZE", "NONE" or "PRE_FIXED".
            inner: number of lines in an item, so that BATCH_SIZE is lines / inner.
            pre_fixed: the number that PRE_FIXED divides by.
        """
        if mode == "VALID":
            return ops.maximum(self.valid_count(), 1.0)
        return normalizer(mode, ops.size(self.safe), inner, pre_fixed)


def normalizer(mode, total, inner, pre_fixed=1.0):
    """Returns the divisor, at least 1, for every mode but "VALID".

    Args:
        mode: "FULL", "BATCH_SIZE", "NONE" or "PRE_FIXED".
        total: the number of all values, `inner` of them an item.
        pre_fixed: the number that PRE_FIXED divides by.
    """
    if mode in ("NONE", "PRE_FIXED"):
        return 1.0 if mode == "NONE" else max(pre_fixed, 1.0)
    total = ops.cast(total, "float32")
    return ops.maximum(total if mode == "FULL" else total / inner, 1.0)


def clamp_through(x, *, least=None, most=None):
    """Returns `x` clamped in value, with the gradient of `x` itself: Caffe clamps only what it takes the log of."""
    value = ops.stop_gradient(x)
    clamped = value
    if least is not None:
        clamped = ops.maximum(clamped, least)
    if most is not None:
        clamped = ops.minimum(clamped, most)
    return clamped + (x - value)


def smooth_l1(d, sigma=1.0):
    """Returns (sigma d)^2 / 2 where |d| < 1 / sigma^2, else |d| - 1 / (2 sigma^2), elementwise."""
    square, size = sigma * sigma, ops.absolute(d)
    return ops.where(size < 1 / square, 0.5 * square * ops.square(d), size - 0.5 / square)


def sigmoid_cross_entropy(x, t):
    """Returns the loss of each logit against its target, without overflow; the gradient at 0 is 0.5 - t."""
    positive = x >= 0  # by selection, for that gradient
    return ops.where(positive, x, 0.0) - x * t + ops.softplus(ops.where(positive, -x, x))
