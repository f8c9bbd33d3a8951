"""Runs what a `Net` is asked for: the layers that are needed, at the shapes that were given, as one function."""

import dataclasses
from collections import OrderedDict

import numpy as np
import tensorflow as tf

from zoo.converters.build import build
from zoo.layers.forks.detection_output import DetectionOutput
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.netdef.padding import cut, padded_values, real_shapes
from zoo.netdef.shape_inference import infer_shapes

_KEPT = 32  # compiled functions


class Runner:
    """Compiles and runs parts of a net.

    Args:
        definition: the NetDef.
        numbering: its `Numbering`.
        parameters: its `FileParameters`.
    """

    def __init__(self, definition, numbering, parameters):
        self._definition, self._numbering, self._parameters = definition, numbering, parameters
        self._runs = OrderedDict()

    def run(self, places, feeds):
        """Returns [[array of each top] for each of the layers at `places`], float32 in Caffe's order.

        Args:
            places: places in the numbering's layers.
            feeds: {BlobRef: tensor of Caffe's order} of the inputs.

        Raises:
            ZooError: an input was not given, or shapes or weights do not fit.
        """
        key = (tuple(places), tuple((ref, tuple(tensor.shape)) for ref, tensor in feeds.items()))
        if key not in self._runs:
            self._runs[key] = _Run(self._part(places), self._parameters, places, self._numbering, feeds)
            if len(self._runs) > _KEPT:
                self._runs.popitem(last=False)
        self._runs.move_to_end(key)
        return self._runs[key](feeds)

    def planned(self, places, shapes):
        """Returns the `PlannedLayer`s that the layers at `places` need, for inputs of `shapes` ({BlobRef: shape})."""
        return infer_shapes(self._part(places), {ref: (shape,) for ref, shape in shapes.items()})

    def _part(self, places):
        """Returns the NetDef of what the layers at `places` need."""
        needed = self._numbering.behind(places)
        read = {bottom for layer in needed for bottom in layer.bottoms}
        fed = [layer for layer in self._definition.layers if read.intersection(layer.tops) and layer not in needed]
        keep = {id(layer) for layer in [*fed, *needed]}
        layers = tuple(layer for layer in self._definition.layers if id(layer) in keep)
        return dataclasses.replace(self._definition, layers=layers)


class _Run:
    def __init__(self, definition, parameters, places, numbering, feeds):
        given = {layer.tops[0]: [feeds.get(top) for top in layer.tops] for layer in definition.layers}
        shapes = {
            first: tuple(tuple(tensor.shape) for tensor in tensors)
            for first, tensors in given.items()
            if None not in [tensor if tensor is None else 0 for tensor in tensors]
        }
        parameters.check(infer_shapes(definition, shapes))
        self._net = build(definition, shapes, parameters)
        self._tops = [numbering.layers[place].tops for place in places]
        asked = [top for tops in self._tops for top in tops]
        layers = self._net.layers
        padded = [layer.definition.tops[0] for layer in layers if layer.type.padded_axis is not None]
        self._padded = padded_values(layers) if padded else set()
        self._detections = {
            layer.definition.tops[0]: max(layer.tops[0][2], layer.type.keep_top_k * layer.bottoms[0][0])
            for layer in layers
            if isinstance(layer.type, DetectionOutput)
        }
        self._fetched = list(dict.fromkeys([*asked, *padded]))
        self._fed = list(self._net.inputs)
        specs = [tf.TensorSpec(feeds[ref].shape, tf.float32) for ref in self._fed]
        self._function = tf.function(self._compute, autograph=False).get_concrete_function(*specs)

    def _compute(self, *tensors):
        values = self._net.run({ref: from_caffe(tensor) for ref, tensor in zip(self._fed, tensors)})
        return [to_caffe(values[ref]) for ref in self._fetched]

    def __call__(self, feeds):
        tensors = self._function(*(feeds[ref] for ref in self._fed))
        values = {ref: tensor.numpy() for ref, tensor in zip(self._fetched, tensors)}
        if self._padded:
            shapes = real_shapes(self._net.layers, values)
            values = {ref: cut(a, shapes[ref]) if ref in self._padded else a for ref, a in values.items()}
            for top, rows in self._detections.items():
                values[top] = _as_opencv(values[top], rows)
        return [[values[top] for top in tops] for tops in self._tops]


def _as_opencv(table, rows):
    """Returns boxes (1, 1, N, 7) as OpenCV lists them: as many rows as there may be, zeros behind the boxes.

    Where there is no box Caffe has one row with the label -1, and OpenCV none.
    """
    full = np.zeros((1, 1, rows, 7), np.float32)
    found = table[0, 0][table[0, 0, :, 1] != -1]
    full[0, 0, : len(found)] = found
    return full
