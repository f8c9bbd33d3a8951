"""BN: batch normalisation with a slope and a bias, of which three forks have one each under the same type string."""

from zoo.formats import caffe_pb2
from zoo.layers.base.blobs import BlobMap, BlobSpec
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.batch_norm import batch_gradient, by_batch, channel_mean, keeper, normalize, readers

_ONE = caffe_pb2.FillerParameter(type="constant", value=1)
_NEVER = {"trainable": False, "multipliers": (0.0, 0.0)}


class _BN(LayerType):
    """What the three have in common: blobs of one value for each channel, laid out as in that fork."""

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
    in_place = True
    fields = ("bn_param",)
    told_by: tuple[str, ...] = ()
    axes = (2, 4)
    blob_axes = 4

    @classmethod
    def sign(cls, message):
        """A field that only this fork's bn_param has."""
        return next((f"bn_param.{name} is set" for name in cls.told_by if message.bn_param.HasField(name)), None)

    def top_shapes(self, bottoms):
        """The bottom's shape."""
        least, most = self.axes
        if not least <= len(bottoms[0]) <= most:
            want = f"{least} to {most} axes" if least < most else f"{least} axes"
            raise self.error("BN takes (N,C,H,W)", "bottom", got=bottoms[0], want=want)
        return bottoms

    def blob(self, bottoms, name, filler=None, **kwargs):
        """Returns the spec of a blob with a value for each channel."""
        channels = bottoms[0][1]
        shape = (1, channels, 1, 1)[: self.blob_axes]
        return BlobSpec(shape, name, filler, BlobMap((channels,), (0,), (channels,)), **kwargs)


@layer_type("BN", source="alexgkendall/caffe-segnet@segnet-cleaned bn_layer.cpp:83-350", variant="segnet")
class SegNetBN(_BN):
    """LEARN: y = scale (x - mean) / sqrt(var + 1e-9) + shift, by the batch's own statistics in TEST too.

    var = E[x^2] - E[x]^2. INFERENCE: y = scale x + shift, with the statistics folded in beforehand; in place the
    gradient of scale is sum(y dy), no derivative, as the fork reads x where y is by then.
    Bottom (N,C,H,W) -> top of that shape[, mean[, var]] (1,C,1,1), which LEARN alone fills. Blobs: scale, shift
    (1,C,1,1).
    """

    top_count = (1, 3)
    told_by = ("scale_filler", "shift_filler", "bn_mode")
    axes = (4, 4)

    def read(self, p):
        """Takes bn_param. Raises NetError for INFERENCE with the tops that only LEARN fills."""
        self.learns = p.enum("bn_mode") == "LEARN"
        self.fillers = p.scale_filler, p.shift_filler
        if not self.learns and len(self.layer.tops) > 1:
            raise self.error("INFERENCE gives no mean and variance", "top", got=len(self.layer.tops), want=1)

    def top_shapes(self, bottoms):
        """The bottom's shape, and a value for each channel."""
        super().top_shapes(bottoms)
        return (bottoms[0], *[(1, bottoms[0][1], 1, 1)] * (len(self.layer.tops) - 1))

    def blobs(self, bottoms):
        """Scale and shift, which start at 0 where there is no filler."""
        return tuple(self.blob(bottoms, *pair) for pair in zip(("gamma", "beta"), self.fillers))

    def build(self, site):
        """keras.ops, with the fork's own formula of the variance."""
        scale, shift = readers(site, ("gamma", "beta"))

        def learn(x):
            x32 = ops.cast(x, "float32")
            mean = channel_mean(x32, 4)
            variance = channel_mean(ops.square(x32), 4) - ops.square(mean)
            y = normalize(x, mean, 1 / ops.sqrt(variance + 1e-9), scale(x), shift(x), 4)
            told = [ops.stop_gradient(ops.reshape(value, (1, 1, 1, -1))) for value in (mean, variance)]
            return (y, *told)[: len(site.tops)]

        def infer(x):
            factor = scale(x)
            fixed = ops.stop_gradient(factor) if self.overwrites else factor
            y = ops.cast(x, "float32") * fixed + shift(x)
            if self.overwrites:
                y = y + (factor - fixed) * ops.stop_gradient(y)
            return ops.cast(y, x.dtype)

        return learn if self.learns else infer


@layer_type("BN", source="hszhao/PSPNet@master bn_layer.cpp:9-310", variant="psp")
class PSPNetBN(_BN):
    """y = slope (x - mean) / sqrt(var + eps) + bias; in TEST, and frozen, by the running mean and variance.

    In TRAIN by the batch's own, with the biased variance, and running = momentum running + (1 - momentum) batch. The
    gradient is that of the batch's own in TEST too, unless frozen, as in the fork; exported it is the derivative.
    Bottom (N,C), (N,C,H) or (N,C,H,W) -> top of that shape. Blobs, (1,C,1,1) each: slope, bias, mean, variance; the
    last two are never learned, frozen none is.
    """

    usual = True
    told_by = ("slope_filler", "bias_filler", "momentum", "eps", "frozen")

    def read(self, p):
        """Takes bn_param."""
        p.no_effect("engine")
        self.momentum, self.eps, self.frozen = p.momentum, p.eps, p.frozen
        self.fillers = p.slope_filler, p.bias_filler

    def blobs(self, bottoms):
        """Slope and bias, which start at 0 where there is no filler; mean and variance."""
        learned = _NEVER if self.frozen else {}
        slope, bias = (self.blob(bottoms, *pair, **learned) for pair in zip(("gamma", "beta"), self.fillers))
        return slope, bias, self.blob(bottoms, "mean", **_NEVER), self._spread(bottoms)

    def _spread(self, bottoms):
        """Returns the spec of the last blob."""
        return self.blob(bottoms, "variance", _ONE if self.frozen else None, **_NEVER)

    def _factor(self, spread):
        """Returns what x - mean is multiplied by, from the last blob."""
        return 1 / ops.sqrt(spread + self.eps)

    def _counted(self, variance):
        """Returns what of a batch's variance goes into the last blob."""
        return variance

    def build(self, site):
        """With running statistics keras.ops; otherwise a layer that moves them whenever it runs."""
        slope, bias, mean, spread = readers(site, ("gamma", "beta", "mean", "variance"))
        rank = len(site.bottoms[0])
        if self.frozen or site.phase == "TEST":
            through = None if self.frozen else batch_gradient(site)
            return lambda x: normalize(x, mean(x), self._factor(spread(x)), slope(x), bias(x), rank, through)
        by, keep = by_batch(site, self.eps, site.name), keeper(site, site.variables[2:])

        def train(x):
            y, batch_mean, variance = by(x, slope(x), bias(x))
            batch = batch_mean, self._counted(variance)
            moved = [self.momentum * old(x) + (1 - self.momentum) * new for old, new in zip((mean, spread), batch)]
            return keep(y, moved)

        return train


@layer_type("BN", source="happynear/caffe-windows@ms bn_layer.cpp:10-305", variant="happynear")
class HappynearBN(PSPNetBN):
    """As PSPNet's, but for the last blob, which is a running average of 1 / sqrt(var + eps) and starts at 1.

    It is multiplied with as it stands. Blobs, (1,C) each: slope, bias, mean, inverse standard deviation.
    """

    usual = False
    told_by = ()  # its text is PSPNet's
    blob_axes = 2

    def _spread(self, bottoms):
        return self.blob(bottoms, "inverse_deviation", _ONE, **_NEVER)

    def _factor(self, spread):
        return spread

    def _counted(self, variance):
        return 1 / ops.sqrt(variance + self.eps)
