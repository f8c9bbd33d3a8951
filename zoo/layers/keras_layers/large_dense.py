"""Dense whose gradient is cheap for large weights."""

import keras
import tensorflow as tf


class LargeDense(keras.layers.Dense):
    """Dense, but on a CPU the bottom's gradient dy W^T is made as (W dy^T)^T.

    oneDNN reorders all of W for the one, which costs four times the product for small batches, and not for the other.
    """

    def call(self, inputs, training=None):
        """(..., K) -> (..., num_output)."""
        if len(inputs.shape) != 2 or tf.config.list_physical_devices("GPU"):
            return super().call(inputs, training)

        @tf.custom_gradient
        def product(x, w):
            def gradient(dy):
                dx = tf.transpose(tf.matmul(w, dy, transpose_b=True))
                return dx, tf.matmul(x, dy, transpose_a=True)

            return tf.matmul(x, w), gradient

        y = product(inputs, tf.convert_to_tensor(self.kernel))
        return y if self.bias is None else tf.nn.bias_add(y, tf.convert_to_tensor(self.bias))
