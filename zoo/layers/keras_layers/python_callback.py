"""A Python layer called from inside a graph."""

import keras
import numpy as np
import tensorflow as tf

from zoo.layers.base.geometry import keras_shape
from zoo.layers.ops.in_turn import InTurn
from zoo.layers.ops.layout import from_caffe, to_caffe


class PythonCallback(keras.layers.Layer):
    """Runs an instance in a graph; forward and backward alternate on it, as in Caffe.

    Args:
        instance: the Python layer.
        site: the `Site` of the layer.
        bottoms, tops: the blobs that the instance is called with.
    """

    def __init__(self, instance, site, bottoms, tops, **kwargs):
        super().__init__(**kwargs)
        self.instance, self.site = instance, site
        self.bottoms, self.tops = bottoms, tops
        self._in_turn = InTurn()

    def build(self, input_shape):
        """Creates nothing: the variables are the net's."""

    def compute_output_spec(self, *bottoms):
        """The planned shapes."""
        return tuple(keras.KerasTensor(keras_shape(shape)) for shape in self.site.tops)

    def call(self, *bottoms):
        """Keras tensors of the bottoms -> a tuple of those of the tops."""
        shapes = self.site.tops
        given = [to_caffe(x) for x in bottoms[: len(self.bottoms)]]  # without bottoms there is an anchor
        values = [tf.convert_to_tensor(v) for v in self.site.variables]
        if not shapes:
            self._in_turn(self._forward, [*given, *values], [])
            return ()

        @tf.custom_gradient
        def run(*inputs):
            tops = tf.nest.flatten(self._in_turn(self._forward, inputs, [tf.float32] * len(shapes)))
            tops = [tf.ensure_shape(top, shape) for top, shape in zip(tops, shapes)]

            def gradient(*diffs):
                found = tf.nest.flatten(self._in_turn(self._backward, diffs, [tf.float32] * len(inputs)))
                return [tf.ensure_shape(diff, x.shape) for diff, x in zip(found, inputs)]

            return tuple(tops), gradient

        return tuple(from_caffe(top) for top in run(*given, *values))

    def _forward(self, *inputs):
        blobs = [*self.bottoms, *self.instance.blobs]
        for blob, array in zip(blobs, inputs):
            blob.data[...] = array
        self.instance.reshape(self.bottoms, self.tops)
        for top, shape in zip(self.tops, self.site.tops):
            if tuple(top.shape) != shape:
                raise ValueError(f"{self.name}: a top's shape changed from {shape} to {top.shape} in a fixed graph")
        self.instance.forward(self.bottoms, self.tops)
        return [np.array(top.data, np.float32) for top in self.tops]

    def _backward(self, *diffs):
        for top, diff in zip(self.tops, diffs):
            top.diff[...] = diff
        for blob in (*self.bottoms, *self.instance.blobs):
            blob.diff[...] = 0
        self.instance.backward(self.tops, [True] * len(self.bottoms), self.bottoms)
        return [np.array(blob.diff, np.float32) for blob in (*self.bottoms, *self.instance.blobs)]
