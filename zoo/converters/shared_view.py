"""A shared parameter as another layer sees it: the owner's numbers in that layer's own shape."""

import keras
import numpy as np
from keras import ops


class SharedView(keras.Variable):
    """A variable whose value is computed from the owner's, so that gradients reach the owner.

    Caffe's sharers hold the owner's memory in shapes of their own (net.cpp AppendParam; PERMISSIVE asks for equal
    counts only), and two layers of one Caffe shape may keep it in different orders here.

    Args:
        owner: the variable that holds the numbers.
        source: the owner's `BlobSpec`.
        target: the `BlobSpec` of the layer that shares it; of the same count.
    """

    def __init__(self, owner, source, target):
        super().__init__(np.zeros(target.keras_shape, np.float32), trainable=False, name=target.variable)
        self._seen = owner, source, target

    @property
    def value(self):
        """The owner's numbers, in the target's Keras shape."""
        if not hasattr(self, "_seen"):
            return super().value  # while Keras constructs it
        owner, source, target = self._seen
        x = owner.value
        if source.map:
            x = ops.reshape(x, tuple(source.map.split[axis] for axis in source.map.perm))
            x = ops.transpose(x, tuple(int(axis) for axis in np.argsort(source.map.perm)))
        if target.map:
            x = ops.transpose(ops.reshape(x, target.map.split), target.map.perm)
        return ops.reshape(x, target.keras_shape)

    def assign(self, value):
        """Sets the owner's numbers from an array of the target's Keras shape."""
        owner, source, target = self._seen
        owner.assign(source.to_keras(target.to_caffe(np.asarray(value))))
        return value
