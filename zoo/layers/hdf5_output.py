"""HDF5Output: a sink that writes its bottoms to a file."""

import numpy as np

from zoo.errors import DataError, UnsupportedError
from zoo.formats import hdf5
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import keras
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import to_caffe


@layer_type("HDF5Output", source="hdf5_output_layer.cpp:12-66")
class HDF5Output(LayerType):
    """Writes bottom 0 as /data and bottom 1 as /label, float32 (N,C,H,W), again at each forward pass. No tops or blobs.

    Caffe opens its file once and fails at the second pass, as the arrays are there by then; here the last pass stays.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    runs_on_host = True
    bottom_count = 2
    top_count = 0
    fields = ("hdf5_output_param",)

    def read(self, p):
        self.file_name = p.file_name
        if not p.file_name:
            raise p.error("file_name must be given", "file_name")

    def top_shapes(self, bottoms):
        """None; checks that both have as many items and no more than four axes."""
        data, label = bottoms
        if not data or data[:1] != label[:1]:
            raise self.error("bottoms must have the same number of items", "bottom", got=f"{data} and {label}")
        if max(len(data), len(label)) > 4:
            raise self.error("writes up to 4 axes", "bottom", got=f"{data} and {label}")
        return ()

    def write(self, data, label):
        """Writes arrays in Caffe's order; raises DataError where the file cannot be written."""
        with hdf5.writing(self.file_name, DataError) as file:
            for name, array in (("data", data), ("label", label)):
                hdf5.put(file, name, np.reshape(array, array.shape + (1,) * (4 - array.ndim)))

    def build(self, site):
        """Writes at each call; a functional model, in which nothing depends on it, would leave it out."""
        import tensorflow as tf

        def save(data, label):
            if isinstance(data, keras.KerasTensor):
                raise UnsupportedError(
                    "HDF5Output cannot be part of a Keras model", at=self.layer.at(), hint="zoo.pycaffe runs it"
                )
            tf.numpy_function(self.write, [to_caffe(data), to_caffe(label)], [])
            return ()

        return save
