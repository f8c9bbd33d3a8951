"""Normalisation by the batch's own statistics."""

import keras
from keras import ops

from zoo.layers.base.geometry import keras_axis


def normalize_by_batch(x, rank, eps):
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


class BatchStatistics(keras.layers.Layer):
    """Normalisation by the batch's own statistics; the sums are moved at each call.

    Where it can, by TensorFlow's fused kernel, whose batch variance has the factor m/(m-1) that the sums want.
    """

    def __init__(self, site, fraction, eps, rank, **kwargs):
        super().__init__(dtype="float32", autocast=False, **kwargs)  # statistics are never of half precision
        self.mean_sum, self.variance_sum, self.sum_weight = site.variables
        self.fraction, self.eps, self.rank = fraction, eps, rank
        self.fused = rank == 4 and not site.portable

    def build(self, input_shape):
        """Creates nothing: the variables are the net's."""

    def compute_output_spec(self, x):
        """The input's shape."""
        return keras.KerasTensor(x.shape, dtype=x.dtype)

    def call(self, x):
        """(N,C,...), channels last for rank 4 -> the same."""
        y, mean, variance = self._fused(x) if self.fused else normalize_by_batch(x, self.rank, self.eps)
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
