"""SmoothL1Loss, in the three forms that forks give it, and SmoothL1LossOHEM."""

from zoo.errors import NetError
from zoo.layers.base.families import LossType
from zoo.layers.base.geometry import count
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.losses import check_same_first, items, normalizer, read_normalization, smooth_l1


class _SmoothL1(LossType):
    """f(w (a - b)) summed and divided; f(d) = (sigma d)^2 / 2 where |d| < 1 / sigma^2, else |d| - 1 / (2 sigma^2)."""

    reads_bottom_in_backward = False
    bottom_count = 2
    default_loss_weight = 0.0  # no fork but SSD's sets one
    sigma = 1.0
    weight_in_gradient = True  # whether the gradient of w (a - b) has the factor w

    def top_shapes(self, bottoms):
        """A scalar[, and the loss of each item's pixel]."""
        check_same_first(self, bottoms)
        want = _legacy(bottoms[0])
        for shape in bottoms:
            if len(shape) > 4 or _legacy(shape)[1:] != want[1:]:
                raise self.error("bottoms must have items of one shape", "bottom", got=shape, want=bottoms[0])
        return ((), (want[0], 1, *want[2:]))[: len(self.layer.tops)]

    def each(self, site):
        """Returns a function from the bottoms to (N, C, H, W) losses, in the order of the Keras tensors they are of."""
        alike = len(set(site.bottoms)) == 1

        def losses(a, b, inside=None, outside=None):
            given = [x for x in (a, b, inside, outside) if x is not None]
            if alike:
                a, b, *weights = [ops.cast(x, "float32") for x in given]
            else:
                a, b, *weights = [items(x, shape) for x, shape in zip(given, site.bottoms)]
            weights = [ops.stop_gradient(x) for x in weights]
            distance = a - b
            if weights:
                distance = self._weighted(distance, weights[0])
            found = smooth_l1(distance, self.sigma)
            return found * weights[1] if len(weights) > 1 else found

        return losses

    def _weighted(self, distance, weight):
        weighted = distance * weight
        if self.weight_in_gradient:
            return weighted
        return ops.stop_gradient(weighted) + (distance - ops.stop_gradient(distance))


def _legacy(shape):
    return (*shape, 1, 1, 1)[:4] if len(shape) < 4 else shape


@layer_type("SmoothL1Loss", source="weiliu89/caffe@ssd smooth_L1_loss_layer.cpp:10-98", variant="ssd")
class SmoothL1LossSSD(_SmoothL1):
    """loss = sum f(a - b) / N, f(d) = d^2 / 2 where |d| < 1, else |d| - 1/2.

    Bottoms a, b of N items of one shape, up to 4 axes -> top: a scalar. Both get a gradient. Blobs: none.
    """

    default_loss_weight = 1.0
    no_gradient_bottoms = ()
    usual = True

    def build(self, site):
        """In float32."""
        return _mean(self.each(site), site)


@layer_type(
    "SmoothL1Loss", source="rbgirshick/caffe-fast-rcnn@faster-rcnn smooth_L1_loss_layer.cu:10-103", variant="frcnn"
)
class SmoothL1LossFRCNN(_SmoothL1):
    """loss = sum outside f(inside (a - b)) / N, f of smooth_l1_loss_param.sigma as `_SmoothL1` says.

    Its loss weight is 0 where the layer states none, so that it then counts nothing and gives no gradient.

    Bottoms a, b[, inside, outside] of N items of one shape, up to 4 axes -> top: a scalar. Gradients go to a and b.
    Blobs: none.
    """

    bottom_count = (2, 4)
    no_gradient_bottoms = (2, 3)
    fields = ("smooth_l1_loss_param",)

    @classmethod
    def sign(cls, message):
        """Its field, or two weights."""
        if message.HasField("smooth_l1_loss_param"):
            return "smooth_l1_loss_param is set"
        return "it has 4 bottoms" if len(message.bottom) == 4 else None

    def read(self, p):
        """Reads smooth_l1_loss_param."""
        self.sigma = p.sigma
        if self.sigma == 0:
            raise p.error("sigma must not be 0", "sigma", got="0")
        if len(self.layer.bottoms) == 3:
            hint = "one weight is R-FCN's form"
            raise NetError("wrong number of bottoms", at=self.layer.at("bottom"), got=3, want="2 or 4", hint=hint)

    def build(self, site):
        """In float32."""
        return _mean(self.each(site), site)


class _Normalized(_SmoothL1):
    """R-FCN's form, which Intel's Caffe has under another name; its backward pass leaves the weight out."""

    weight_in_gradient = False
    bottom_count = (2, 3)
    top_count = (1, 2)
    no_gradient_bottoms = (2,)
    fields = ("loss_param",)

    def read(self, p):
        """Reads loss_param."""
        self.normalization, self.pre_fixed = read_normalization(p, pre_fixed=True), p.pre_fixed_normalizer
        p.no_effect("ignore_label")

    def build(self, site):
        """In float32."""
        losses, (_, channels, *pixels) = self.each(site), _legacy(site.bottoms[0])
        channels_last = len(set(site.bottoms)) == 1 and len(site.bottoms[0]) == 4
        mode = "FULL" if self.normalization == "VALID" else self.normalization

        def loss(*bottoms):
            found = losses(*bottoms)
            if channels_last:
                each = ops.sum(found, axis=-1, keepdims=True)
            else:
                each = ops.sum(ops.reshape(found, (-1, channels, *pixels, 1)), axis=1)
            top = ops.sum(each) / normalizer(mode, ops.size(each), count(pixels), self.pre_fixed)
            return (top, ops.stop_gradient(each)) if len(site.tops) == 2 else top

        return loss


@layer_type("SmoothL1Loss", source="daijifeng001/caffe-rfcn@r-fcn smooth_L1_loss_layer.cu:11-148", variant="rfcn")
class SmoothL1LossRFCN(_Normalized):
    """loss = sum f(w (a - b)) / normaliser, f(d) = d^2 / 2 where |d| < 1, else |d| - 1/2.

    Normaliser, at least 1: VALID (default) and FULL N*H*W; BATCH_SIZE N; NONE 1; PRE_FIXED
    loss_param.pre_fixed_normalizer. The loss weight is 0 where the layer states none.

    Bottoms a, b[, w] (N,C[,H,W]) -> tops: loss, a scalar[, the sum over channels, (N,1,H,W), not divided; no gradient
    comes back through it]. Gradients go to a and b; they are +-f'(w (a - b)) / normaliser, without the factor w that
    the derivative would have, which changes nothing where weights are 0 and 1. Blobs: none.
    """

    @classmethod
    def sign(cls, message):
        """One weight, its normaliser, or the second top."""
        if message.HasField("loss_param"):
            return "loss_param is set"
        if len(message.bottom) == 3:
            return "it has 3 bottoms"
        return "it has 2 tops" if len(message.top) == 2 else None


@layer_type("SmoothL1LossOHEM", source="intel/caffe@master smooth_L1_loss_ohem_layer.cpp:51-229")
class SmoothL1LossOHEM(_Normalized):
    """SmoothL1Loss (rfcn) under the name that Intel's Caffe gives to it."""


def _mean(losses, site):
    alike = len(set(site.bottoms)) == 1

    def loss(*bottoms):
        found = losses(*bottoms)
        axes = tuple(range(1, len(site.bottoms[0]) if alike else 2))
        return ops.mean(ops.sum(found, axis=axes))

    return loss
