"""BatchNorm of NVIDIA's Caffe 0.17, which also scales and shifts."""

from zoo.formats import caffe_pb2
from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.batch_norm import by_batch, keeper, keeps, normalize, readers

_ONE = caffe_pb2.FillerParameter(type="constant", value=1)
_LEAST_EPS = 1e-5


@layer_type("BatchNorm", source="NVIDIA/caffe@caffe-0.17 batch_norm_layer.cpp:10-330", variant="nvidia")
class NvidiaBatchNorm(LayerType):
    """y = (x - mean) / sqrt(var + eps)[ scale + bias]; eps is 1e-5 at least, use_global_stats is not read.

    TRAIN: the batch's mean and biased variance. The running mean becomes f running + (1 - f) mean, the running variance
    f running + (1 - f) (var + eps); in the first two passes of a net both are the batch's. TEST: the running ones, so
    that eps is in twice, and the variance is not divided by blob 2.
    Bottom (N,C) or (N,C,H,W) -> top of that shape. Blobs: mean (C), variance (C), 1 (1)[, scale (C), bias (C) with
    scale_bias or a filler]. The first three are never learned, the others always at lr_mult and decay_mult 1.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
    in_place = True
    fields = ("batch_norm_param",)

    @classmethod
    def sign(cls, message):
        """A field that BVLC Caffe does not have."""
        p = message.batch_norm_param
        names = ("scale_filler", "bias_filler", "scale_bias", "engine")
        return next((f"batch_norm_param.{name} is set" for name in names if p.HasField(name)), None)

    def read(self, p):
        """Takes batch_norm_param."""
        p.no_effect("use_global_stats", "engine")
        self.fraction, self.eps = p.moving_average_fraction, max(p.eps, _LEAST_EPS)
        scaled, shifted = p.has("scale_filler"), p.has("bias_filler")
        self.affine = p.scale_bias or scaled or shifted
        self.filler, self.bias_filler = p.scale_filler if scaled else _ONE, p.bias_filler if shifted else None

    def top_shapes(self, bottoms):
        """The bottom's shape."""
        if len(bottoms[0]) not in (2, 4):
            raise self.error("NVIDIA's BatchNorm takes (N,C,H,W)", "bottom", got=bottoms[0], want="2 or 4 axes")
        return bottoms

    def blobs(self, bottoms):
        """The running statistics and a 1; scale and bias."""
        channels = bottoms[0][1]
        never, always = {"trainable": False, "multipliers": (0.0, 0.0)}, {"multipliers": (1.0, 1.0)}
        statistics = (
            BlobSpec((channels,), "mean", **never),
            BlobSpec((channels,), "variance", **never),
            BlobSpec((1,), "correction", _ONE, **never),
        )
        if not self.affine:
            return statistics
        scale = BlobSpec((channels,), "gamma", self.filler, **always)
        return (*statistics, scale, BlobSpec((channels,), "beta", self.bias_filler, **always))

    def build(self, site):
        """In TEST keras.ops; in TRAIN a layer that moves the running statistics whenever it runs."""
        names = ("mean", "variance", "correction", "gamma", "beta")[: len(site.variables)]
        mean, variance, _, *affine = readers(site, names)
        rank = len(site.bottoms[0])

        def scale_of(x):
            return [read(x) for read in affine] or [None, None]

        if site.phase == "TEST":
            return lambda x: normalize(x, mean(x), 1 / ops.sqrt(variance(x) + self.eps), *scale_of(x), rank)
        by = by_batch(site, self.eps, site.name)
        if not keeps(site):
            return lambda x: by(x, *scale_of(x))[0]
        from zoo.layers.keras_layers.carried_state import LoadState

        passes = site.state("passes", ())
        count = LoadState([passes], name=f"{site.name}__passes", dtype="float32", autocast=False)
        keep = keeper(site, [*site.variables[:2], passes])

        def train(x):
            y, *batch = by(x, *scale_of(x))
            batch[1] = batch[1] + self.eps
            (before,) = count(x)
            moved = [
                ops.where(before > 1, self.fraction * old(x) + (1 - self.fraction) * new, new)
                for old, new in zip((mean, variance), batch)
            ]
            return keep(y, [*moved, before + 1])

        return train
