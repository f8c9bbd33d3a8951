"""TensorFlow's bilinear resizing with aligned corners."""

import keras
import tensorflow as tf


class ResizeBilinear(keras.layers.Layer):
    """(N,H,W,C) -> (N,H',W',C), whose first and last values are the input's."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def compute_output_spec(self, x):
        """The input's batch and channels."""
        return keras.KerasTensor((x.shape[0], *self.size, x.shape[-1]), dtype=x.dtype)

    def call(self, x):
        """Returns the resized `x`; the kernel computes in float32."""
        return tf.cast(tf.raw_ops.ResizeBilinear(images=x, size=self.size, align_corners=True), x.dtype)
