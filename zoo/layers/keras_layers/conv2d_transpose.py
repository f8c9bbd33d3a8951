"""The transpose of a grouped convolution, by TensorFlow."""

import keras
import tensorflow as tf


class GroupedConv2DTranspose(keras.layers.Layer):
    """Two-dimensional transposes of groups side by side; where each makes one channel, by the depthwise kernel."""

    def __init__(self, variables, windows, group, **kwargs):
        super().__init__(**kwargs)
        self.kernel, *bias = variables
        self.bias = bias[0] if bias else None
        self.windows, self.group = windows, group

    def build(self, input_shape):
        """Creates nothing: the variables are the net's."""

    def call(self, x):
        """(M,H,W,C) -> (M, s(H-1)+k, s(W-1)+k, num_output)."""
        kernel = tf.convert_to_tensor(self.kernel)
        high, wide, rows, columns = kernel.shape
        spatial = [window.stride * (size - 1) + window.kernel for size, window in zip(x.shape[1:3], self.windows)]
        strides = [window.stride for window in self.windows]
        if rows == 1 and strides[0] == strides[1]:
            kernel = tf.reshape(kernel, (high, wide, self.group, columns // self.group))
            shape = tf.stack([tf.shape(x)[0], *spatial, self.group])
            y = tf.nn.depthwise_conv2d_backprop_input(shape, kernel, x, [1, *strides, 1], "VALID")
            y = tf.ensure_shape(y, (x.shape[0], *spatial, self.group))
        else:
            shape = tf.stack([tf.shape(x)[0], *spatial, rows])
            parts = zip(tf.split(x, self.group, -1), tf.split(kernel, self.group, -1))
            y = tf.concat([tf.nn.conv2d_transpose(*part, shape, strides, "VALID") for part in parts], -1)
        return y if self.bias is None else tf.nn.bias_add(y, tf.cast(self.bias, y.dtype))
