"""BatchNorm."""

import keras
from keras import ops

from zoo.converters.adopt import reader
from zoo.converters.blobs import BlobSpec
from zoo.converters.geometry import keras_axis
from zoo.converters.layer_type import LayerType
from zoo.converters.registry import layer_type


@layer_type("BatchNorm", source="batch_norm_layer.cpp:10-166")
class BatchNorm(LayerType):
    """y = (x - mean) / sqrt(var + eps) for each channel, axis 1; scale and shift are left to a Scale layer.

    use_global_stats (by default in TEST): mean = sum0/sum2, var = sum1/sum2, both 0 where sum2 is 0. Otherwise the
    batch's own, with the biased variance, and the sums move on: sum = f sum + value, with f moving_average_fraction and
    values mean, var m/(m-1) and 1 for m values a channel (batch_norm_layer.cpp:130-148).
    Bottom (N,C,...) -> top of the same shape. Blobs: sum0 (C), sum1 (C), sum2 (1); never learned.
    """

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

    def build(self, site):
        """With global statistics keras.ops; otherwise a layer that moves the sums whenever it runs."""
        rank = len(site.bottoms[0])
        if self.global_stats if self.given else site.phase == "TEST":
            return self._global(site, rank)
        if site.portable and keras.backend.backend() == "tensorflow":
            return lambda x: _by_batch(x, rank, self.eps)[0]  # to export; no stock layer keeps such sums
        return _BatchStatistics(site, self.fraction, self.eps, rank, name=site.name)

    def _global(self, site, rank):
        names = [f"{site.name}__{name}" for name in ("mean_sum", "variance_sum", "sum_weight")]
        readers = [reader(variable, name, site.portable, "float32") for variable, name in zip(site.variables, names)]
        laid = _laid(rank)

        def normalize(x):
            mean, variance, weight = (read(x) for read in readers)
            none = ops.equal(weight, 0)
            factor = ops.where(none, 0.0, 1 / ops.where(none, 1.0, weight))
            deviation = ops.sqrt(variance * factor + self.eps)
            y = (ops.cast(x, "float32") - ops.reshape(mean * factor, laid)) / ops.reshape(deviation, laid)
            return ops.cast(y, x.dtype)

        return normalize


def _by_batch(x, rank, eps):
    """Returns x normalised by its own statistics, their mean (C) and their variance (C) times m/(m-1)."""
    axes = [axis for axis in range(rank) if axis != keras_axis(1, rank)]
    x32 = ops.cast(x, "float32")
    mean = ops.mean(x32, axis=axes, keepdims=True)
    centred = x32 - mean
    variance = ops.mean(ops.square(centred), axis=axes, keepdims=True)
    count = ops.sum(ops.ones_like(x32), axis=axes, keepdims=True)
    unbiased = variance * count / ops.maximum(count - 1, 1)
    y = ops.cast(centred / ops.sqrt(variance + eps), x.dtype)
    return y, ops.reshape(mean, (-1,)), ops.reshape(unbiased, (-1,))


def _laid(rank):
    """Shape in which a value for each channel broadcasts over a Keras tensor of that rank."""
    shape = [1] * rank
    shape[keras_axis(1, rank)] = -1
    return shape


class _BatchStatistics(keras.layers.Layer):
    """Normalisation by the batch's own statistics; the sums are moved at each call.

    Where it can, by TensorFlow's fused kernel, whose batch variance has the factor m/(m-1) that the sums want.
    """

    def __init__(self, site, fraction, eps, rank, **kwargs):
        super().__init__(dtype="float32", autocast=False, **kwargs)  # statistics are never of half precision
        self.mean_sum, self.variance_sum, self.sum_weight = site.variables
        self.fraction, self.eps, self.rank = fraction, eps, rank
        self.fused = rank == 4 and not site.portable

    def build(self, input_shape):
        """Has nothing to create."""

    def compute_output_spec(self, x):
        """The input's shape."""
        return keras.KerasTensor(x.shape, dtype=x.dtype)

    def call(self, x):
        """(N,C,...), channels last for rank 4 -> the same."""
        y, mean, variance = self._fused(x) if self.fused else _by_batch(x, self.rank, self.eps)
        for total, value in ((self.mean_sum, mean), (self.variance_sum, variance), (self.sum_weight, 1.0)):
            total.assign(total.value * self.fraction + ops.cast(value, total.dtype))
        return y

    def _fused(self, x):
        import tensorflow as tf

        channels = x.shape[-1]
        ones, zeros = tf.ones([channels]), tf.zeros([channels])
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=ones, offset=zeros, mean=[], variance=[], epsilon=self.eps, is_training=True
        )
        return y, mean, variance
