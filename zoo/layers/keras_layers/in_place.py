"""The gradient of a layer that works in place, as Caffe's backward pass computes it.

Such a pass finds the top's values where it looks for the bottom's, and writes the bottom's gradient over the top's. For
most layers that comes to the same. For those that use this module it does not, and what Caffe computes is not the
derivative of what it computed forward; a recipe that trained so is to be met again as it was.
"""

import keras


class InPlace(keras.layers.Layer):
    """A function of one tensor with a gradient of its own; for the TensorFlow backend.

    Args:
        forward: from the bottom's tensor to the top's.
        backward: ``backward(x, y, dy)``: the gradient for the bottom, from its values before, the top's values and
            their gradient.
        name: the layer's.
    """

    def __init__(self, forward, backward, name):
        super().__init__(name=name)
        self._forward, self._backward = forward, backward

    def build(self, input_shape):
        """Keras calls this once; the layer has no variables."""

    def call(self, x):
        """The bottom's tensor -> the top's."""
        import tensorflow as tf

        @tf.custom_gradient
        def run(x):
            y = self._forward(x)
            return y, lambda dy: self._backward(x, y, dy)

        return run(x)
