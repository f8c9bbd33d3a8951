"""HDF5Output: a sink that writes its bottoms to a file."""

import os

import numpy as np

from zoo.errors import DataError, UnsupportedError
from zoo.formats import hdf5
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import keras
from zoo.layers.base.registry import layer_type
from zoo.layers.ops import output_paths
from zoo.layers.ops.layout import to_caffe


@layer_type("HDF5Output", source="hdf5_output_layer.cpp:12-66")
class HDF5Output(LayerType):
    """Writes bottom 0 as /data and bottom 1 as /label, float32 (N,C,H,W), again at each forward pass. No tops or blobs.

    Caffe opens its file once and fails at the second pass, as the arrays are there by then; here the last pass stays.

    Attributes:
        path: where the file goes.
        raised: the DataErrors that writing it from inside a graph has met, the last one alone.
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
        self.raised = []
        if not p.file_name:
            raise p.error("file_name must be given", "file_name")
        self.path = output_paths.placed(p.file_name)

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
        try:
            output_paths.make_folder(os.path.dirname(self.path))
            save(self.path, data, label)
        except DataError as error:
            self.raised[:] = [error]
            raise

    def build(self, site):
        """Writes at each call. A functional model, in which nothing depends on it, would leave it out.

        Raises:
            DataError: the directory is not there or cannot be written: Caffe, too, opens it when it makes the layer.
        """
        import tensorflow as tf

        from zoo.layers.ops.in_turn import InTurn

        at, given = self.layer.at("hdf5_output_param.file_name"), self.layer.message.hdf5_output_param.file_name
        if output_paths.elsewhere(self.path, given):
            output_paths.say(f"{at}: writes {self.path}, not {given} (--allow_paths)")
        else:
            check(self.path, at)
        in_turn = InTurn()

        def run(data, label):
            if isinstance(data, keras.KerasTensor):
                hint = "zoo.train, zoo.evaluate and zoo.pycaffe run it"
                raise UnsupportedError("HDF5Output cannot be part of a Keras model", at=self.layer.at(), hint=hint)
            in_turn(self.write, [to_caffe(tf.cast(x, tf.float32)) for x in (data, label)], [])
            return ()

        return run


def check(path, at):
    """Raises DataError, at the `Place` of the field, where no file can be made at `path`."""
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path) or not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise DataError("cannot write this file", at=at, got=path, want="a file in a directory that can be written")


def save(path, data, label):
    """Writes float32 arrays in Caffe's order as /data and /label of the file at `path`, whole or not at all.

    Raises:
        DataError: it cannot be written.
    """
    with hdf5.writing(path, DataError) as file:
        for name, array in (("data", data), ("label", label)):
            hdf5.put(file, name, np.reshape(array, array.shape + (1,) * (4 - array.ndim)))
