"""Two-dimensional convolution by TensorFlow, for padding and groups that stock layers make slower."""

import keras
import tensorflow as tf


class TensorFlowConv2D(keras.layers.Layer):
    """Two-dimensional convolution, padded inside the kernel. Groups are convolutions side by side on the CPU, where
    TensorFlow has no gradient of its own for them; a GPU takes them as one."""

    def __init__(self, variables, taken, group, **kwargs):
        super().__init__(**kwargs)
        self.kernel, *bias = variables
        self.bias = bias[0] if bias else None
        self.taken, self.group = taken, group
        self.pad_first = taken.padding == "explicit" and (max(taken.dilation) > 1 or taken._steps is not None)

    def build(self, input_shape):
        """Creates nothing: the variables are the net's."""

    def call(self, x):
        """(M,H,W,C) -> (M,H',W',num_output)."""
        kernel = tf.convert_to_tensor(self.kernel)
        if self.taken.padding == "explicit":
            padding = "VALID" if self.pad_first else [[0, 0], *map(list, self.taken.pads), [0, 0]]
        else:
            padding = self.taken.padding.upper()

        def convolve(x, kernel):
            if max(self.taken.dilation) > 1:
                return tf.nn.convolution(x, kernel, self.taken.strides, padding, dilations=self.taken.dilation)
            return tf.nn.conv2d(x, kernel, self.taken.strides, padding)

        if self.group == 1 or tf.config.list_physical_devices("GPU"):
            y = convolve(x, kernel)
        else:
            parts = zip(tf.split(x, self.group, -1), tf.split(kernel, self.group, -1))
            y = tf.concat([convolve(*part) for part in parts], -1)
        return y if self.bias is None else tf.nn.bias_add(y, tf.cast(self.bias, y.dtype))
