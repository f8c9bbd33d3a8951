"""BatchNorm of NVIDIA's Caffe 0.15, whose scale and shift come first among its blobs."""

from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.batch_norm import batch_gradient, channel_mean, channel_shape, keeper, keeps, normalize, readers

_CLIP_AFTER, _CLIP = 200, 4.0


@layer_type("BatchNorm", source="NVIDIA/caffe@caffe-0.15 batch_norm_layer.cpp:10-295", variant="nvidia15")
class NvidiaBatchNorm15(LayerType):
    """y = (x - mean) / sqrt(var + eps) scale + bias.

    With use_global_stats (by default in TEST) of the running values, otherwise of the batch, the variance biased. From
    the 201st pass in TRAIN on, that variance is held between a quarter of the running one r and 4 (r + the channels'
    mean of r), and only then used. The first pass copies the batch's values to the running ones, as each in TEST does
    without global statistics; others move them, f running + (1 - f) batch.

    The gradient is always that of a batch's statistics, (g - mean g - y mean(g y)) / sqrt(var + eps) for the y before
    scale and bias, with global ones or a variance that is held too, where it is no derivative.
    Bottom (N,C,...) -> top of that shape. Blobs: scale (C), bias (C), both 0 without a filler, mean (C), variance (C),
    and one that nobody reads (1). The last three are never learned.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
    in_place = True
    fields = ("batch_norm_param",)

    def read(self, p):
        """Takes batch_norm_param. Raises NetError for scale_bias, which came with version 0.16."""
        p.no_effect("engine")
        if p.has("scale_bias"):
            raise p.error("BatchNorm of NVIDIA's Caffe 0.15 has no scale_bias", "scale_bias", hint="--fork=nvidia")
        self.fraction, self.eps = p.moving_average_fraction, p.eps
        self.global_stats = p.use_global_stats if p.has("use_global_stats") else self.layer.phase == "TEST"
        self.fillers = [getattr(p, name) if p.has(name) else None for name in ("scale_filler", "bias_filler")]

    def top_shapes(self, bottoms):
        """The bottom's shape."""
        if len(bottoms[0]) < 2:
            raise self.error("BatchNorm takes (N,C,...)", "bottom", got=bottoms[0], want="2 axes or more")
        return bottoms

    def blobs(self, bottoms):
        """Scale, bias, the running statistics and a spare number."""
        channels, (scale, bias) = bottoms[0][1], self.fillers
        never = {"trainable": False, "multipliers": (0.0, 0.0)}
        return (
            BlobSpec((channels,), "gamma", scale),
            BlobSpec((channels,), "beta", bias),
            BlobSpec((channels,), "mean", **never),
            BlobSpec((channels,), "variance", **never),
            BlobSpec((1,), "spare", **never),
        )

    def build(self, site):
        """keras.ops; where statistics are the batch's, with a layer that keeps the running ones."""
        gamma, beta, mean, variance, _ = readers(site, ("gamma", "beta", "mean", "variance", "spare"))
        rank = len(site.bottoms[0])
        shape = channel_shape(rank)
        through = batch_gradient(site)

        def scaled(x, middle, factor):
            return normalize(x, middle, factor, gamma(x), beta(x), rank, through)

        if self.global_stats:
            return lambda x: scaled(x, mean(x), 1 / ops.sqrt(variance(x) + self.eps))

        def of_batch(x):
            x32 = ops.cast(x, "float32")
            middle = channel_mean(x32, rank)
            return middle, channel_mean(ops.square(x32 - ops.reshape(middle, shape)), rank)

        def alone(x):
            middle, spread = of_batch(x)
            return scaled(x, middle, 1 / ops.sqrt(spread + self.eps))

        return self._kept(site, scaled, of_batch, (mean, variance)) if keeps(site) else alone

    def _kept(self, site, scaled, of_batch, running):
        from zoo.layers.keras_layers.carried_state import LoadState

        passes = site.state("passes", ())
        count = LoadState([passes], name=f"{site.name}__passes", dtype="float32", autocast=False)
        keep = keeper(site, [*site.variables[2:4], passes])

        def train(x):
            middle, spread = of_batch(x)
            (before,) = count(x)
            old_middle, old_spread = (read(x) for read in running)
            if site.phase == "TRAIN":
                most = _CLIP * (old_spread + ops.mean(old_spread))
                held = ops.maximum(ops.minimum(spread, most), old_spread / _CLIP)
                spread = ops.where(before >= _CLIP_AFTER, held, spread)
                first, after = before < 1, ops.minimum(before + 1, _CLIP_AFTER + 1)
            else:
                first, after = before < _CLIP_AFTER + 2, before  # always
            y = scaled(x, middle, 1 / ops.sqrt(spread + self.eps))
            moved = [
                ops.where(first, new, self.fraction * old + (1 - self.fraction) * new)
                for old, new in ((old_middle, middle), (old_spread, spread))
            ]
            return keep(y, [*moved, after])

        return train
