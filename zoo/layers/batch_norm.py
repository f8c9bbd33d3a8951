"""BatchNorm."""

from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import keras, ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.batch_norm import channel_shape
from zoo.layers.ops.variables import reader


@layer_type("BatchNorm", source="batch_norm_layer.cpp:10-166")
class BatchNorm(LayerType):
    """y = (x - mean) / sqrt(var + eps) for each channel, axis 1; scale and shift are left to a Scale layer.

    use_global_stats (by default in TEST): mean = sum0/sum2, var = sum1/sum2, both 0 where sum2 is 0. Otherwise the
    batch's own, with the biased variance, and the sums move on: sum = f sum + value, with f moving_average_fraction and
    values mean, var m/(m-1) and 1 for m values a channel (batch_norm_layer.cpp:130-148).
    Bottom (N,C,...) -> top of the same shape. Blobs: sum0 (C), sum1 (C), sum2 (1); never learned.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
    in_place = True
    fields = ("batch_norm_param",)

    def read(self, p):
        """Takes batch_norm_param. Raises NetError for a lr_mult other than 0."""
        self.given, self.fraction, self.eps = p.has("use_global_stats"), p.moving_average_fraction, p.eps
        self.global_stats = p.use_global_stats
        for param in self.layer.message.param:
            if param.lr_mult != 0:
                raise self.error("BatchNorm's sums are not learned", "param", got=f"lr_mult {param.lr_mult:g}", want=0)

    def top_shapes(self, bottoms):
        """The bottom's shape."""
        if len(bottoms[0]) < 2:
            raise self.error("BatchNorm takes (N,C,...)", "bottom", got=bottoms[0], want="2 axes or more")
        return bottoms

    def blobs(self, bottoms):
        """The three sums, which start at 0."""
        channels = bottoms[0][1]
        return (
            BlobSpec((channels,), "mean_sum", trainable=False),
            BlobSpec((channels,), "variance_sum", trainable=False),
            BlobSpec((1,), "sum_weight", trainable=False),
        )

    def follows_plane(self, bottoms):
        """With global statistics."""
        return self.global_stats if self.given else self.layer.phase == "TEST"

    def build(self, site):
        """With global statistics keras.ops; otherwise a layer that moves the sums whenever it runs."""
        rank = len(site.bottoms[0])
        if self.global_stats if self.given else site.phase == "TEST":
            return self._global(site, rank)
        from zoo.layers.keras_layers.batch_statistics import BatchStatistics, normalize_by_batch

        if site.portable and keras.backend.backend() == "tensorflow":
            return lambda x: normalize_by_batch(x, rank, self.eps)[0]  # to export; no stock layer keeps such sums
        return BatchStatistics(site, self.fraction, self.eps, rank, name=site.name)

    def _global(self, site, rank):
        names = [f"{site.name}__{name}" for name in ("mean_sum", "variance_sum", "sum_weight")]
        readers = [reader(variable, name, site.portable, "float32") for variable, name in zip(site.variables, names)]
        laid = channel_shape(rank)

        def normalize(x):
            mean, variance, weight = (read(x) for read in readers)
            none = ops.equal(weight, 0)
            factor = ops.where(none, 0.0, 1 / ops.where(none, 1.0, weight))
            deviation = ops.sqrt(variance * factor + self.eps)
            y = (ops.cast(x, "float32") - ops.reshape(mean * factor, laid)) / ops.reshape(deviation, laid)
            return ops.cast(y, x.dtype)

        return normalize
