"""TensorFlow's fused batch normalisation, which also gives the batch's statistics."""

import keras
import tensorflow as tf


class FusedBatchNorm(keras.layers.Layer):
    """[x (N,H,W,C)[, slope (C), bias (C)]] -> y, mean (C) and biased variance (C) of the batch."""

    def __init__(self, eps, **kwargs):
        super().__init__(dtype="float32", autocast=False, **kwargs)  # statistics are never of half precision
        self.eps = eps

    def build(self, input_shape):
        """Creates nothing: the variables are the net's."""

    def compute_output_spec(self, inputs):
        """The input's shape, and one value for each channel."""
        channels = keras.KerasTensor(inputs[0].shape[-1:], dtype="float32")
        return keras.KerasTensor(inputs[0].shape, dtype=inputs[0].dtype), channels, channels

    def call(self, inputs):
        """Returns (y, mean, variance). The kernel's own variance has the factor m/(m-1) for m values a channel."""
        x, *affine = inputs
        slope, bias = affine or (tf.ones(x.shape[-1:]), tf.zeros(x.shape[-1:]))
        y, mean, unbiased, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=slope, offset=bias, mean=[], variance=[], epsilon=self.eps, is_training=True
        )
        count = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
        return y, mean, unbiased * (tf.maximum(count - 1, 1) / count)
