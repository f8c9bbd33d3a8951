"""Caffe's fillers for Keras layers outside a net."""

import keras
import numpy as np
from google.protobuf import text_format

from zoo.converters.fillers import fill
from zoo.formats import caffe_pb2


class CaffeFiller(keras.initializers.Initializer):
    """A Caffe filler as a Keras initializer, for Keras layers outside a net.

    Args:
        filler: a FillerParameter, or its text form such as ``'type: "xavier"'``.
        seed: an integer; the same one gives the same array. The shape asked for is taken as Caffe's.
    """

    def __init__(self, filler, seed=0):
        if isinstance(filler, str):
            filler = text_format.Parse(filler, caffe_pb2.FillerParameter())
        self.filler, self.seed = filler, seed

    def __call__(self, shape, dtype=None):
        """Returns the tensor of that `shape`."""
        array = fill(self.filler, tuple(shape), np.random.default_rng(self.seed))
        return keras.ops.convert_to_tensor(array, dtype=dtype)

    def get_config(self):
        """Returns the arguments that make this initializer again."""
        return {"filler": text_format.MessageToString(self.filler, as_one_line=True), "seed": self.seed}
