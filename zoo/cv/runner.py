"""Runs what a `Net` is asked for: the layers that are needed, at the shapes that were given, as one function."""

import dataclasses
from collections import OrderedDict

import numpy as np
import tensorflow as tf

from zoo.converters.sized_nets import KEPT, SizedNets
from zoo.layers.forks.detection_output import DetectionOutput
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.netdef.padding import cut, padded_values, real_shapes
from zoo.netdef.shape_inference import infer_shapes

_SIZES = 64  # that are known to fit: one compiled net can serve many


class Runner:
    """Compiles and runs parts of a net.

    Args:
        definition: the NetDef.
        numbering: its `Numbering`.
        parameters: its `FileParameters`.
    """

    def __init__(self, definition, numbering, parameters):
        self._definition, self._numbering, self._parameters = definition, numbering, parameters
        self._parts = {}

    def run(self, places, feeds):
        """Returns [[array of each top] for each of the layers at `places`], float32 in Caffe's order.

        Args:
            places: places in the numbering's layers.
            feeds: {BlobRef: tensor of Caffe's order} of the inputs.

        Raises:
            ZooError: shapes or weights do not fit.
        """
        key = tuple(places)
        if key not in self._parts:
            layers = [self._numbering.layers[place] for place in places]
            tops = [layer.tops or layer.bottoms for layer in layers]  # OpenCV's Silence gives what it is given
            self._parts[key] = _Part(self._part(places), self._parameters, tops)
        return self._parts[key].run(feeds)

    def planned(self, places, shapes):
        """Returns the `PlannedLayer`s that the layers at `places` need, for inputs of `shapes` ({BlobRef: shape})."""
        part = self._part(places)
        return infer_shapes(part, _fed(part.layers, shapes))

    def _part(self, places):
        """Returns the NetDef of what the layers at `places` need."""
        needed = self._numbering.behind(places)
        read = {bottom for layer in needed for bottom in layer.bottoms}
        fed = [layer for layer in self._definition.layers if read.intersection(layer.tops) and layer not in needed]
        keep = {id(layer): layer for layer in needed} | {id(layer): _read_part(layer, read) for layer in fed}
        layers = tuple(keep[id(layer)] for layer in self._definition.layers if id(layer) in keep)
        return dataclasses.replace(self._definition, layers=layers)


def _read_part(layer, read):
    """Returns an Input layer with those of its tops that are read: the others need not be given."""
    places = [place for place, top in enumerate(layer.tops) if top in read]
    if not layer.message.HasField("input_param") or len(places) == len(layer.tops):
        return layer
    message = type(layer.message)()
    message.CopyFrom(layer.message)
    shapes = list(layer.message.input_param.shape)
    del message.top[:], message.input_param.shape[:]
    message.top.extend(layer.message.top[place] for place in places)
    message.input_param.shape.extend(shapes if len(shapes) == 1 else [shapes[place] for place in places])
    return dataclasses.replace(layer, tops=tuple(layer.tops[place] for place in places), message=message)


def _fed(layers, shapes):
    """Returns {first top of a source: shapes of its tops} of the sources in `layers` that `shapes` (by top) has."""
    return {
        layer.tops[0]: tuple(shapes[top] for top in layer.tops)
        for layer in layers
        if not layer.bottoms and layer.tops and all(top in shapes for top in layer.tops)
    }


class _Part:
    """What some outputs need, for any sizes.

    Args:
        definition: the NetDef of that alone.
        parameters: the `FileParameters`.
        tops: the tops, by layer, that are asked for.
    """

    def __init__(self, definition, parameters, tops):
        self._definition, self._parameters, self._tops = definition, parameters, tops
        self._nets, self._ready = SizedNets(definition, parameters), OrderedDict()

    def run(self, feeds):
        """Returns [[array of each top]] by layer."""
        key = tuple((ref, tuple(tensor.shape)) for ref, tensor in feeds.items())
        if key not in self._ready:
            self._ready[key] = self._at(dict(key))
            self._forget()
        self._ready.move_to_end(key)
        net, function, fed, fetched = self._ready[key]
        values = {ref: tensor.numpy() for ref, tensor in zip(fetched, function(*(feeds[ref] for ref in fed)))}
        padded = [layer for layer in net.layers if layer.type.padded_axis is not None]
        if padded:
            values = _without_padding(net, values)
        return [[values[top] for top in tops] for tops in self._tops]

    def _forget(self):
        """Keeps the last sizes, and no more compiled nets than `SizedNets` keeps."""
        while len(self._ready) > _SIZES or len({id(net.base or net) for net, *_ in self._ready.values()}) > KEPT:
            self._ready.popitem(last=False)

    def _at(self, shapes):
        """Returns (net, compiled function, what it takes, what it gives) for `shapes` ({input: shape})."""
        fed = _fed(self._definition.layers, shapes)
        self._parameters.check(infer_shapes(self._definition, fed))
        net = self._nets.at(fed)
        base = net.base or net
        if "function" not in base.kept:
            base.kept["function"] = self._compiled(base)
        return net, *base.kept["function"]

    def _compiled(self, net):
        asked = [top for tops in self._tops for top in tops]
        padded = [layer.definition.tops[0] for layer in net.layers if layer.type.padded_axis is not None]
        fetched = list(dict.fromkeys([*asked, *padded]))
        shapes = net.shapes if net.patterns is None else net.patterns

        def compute(*tensors):
            values = net.run({ref: from_caffe(tensor) for ref, tensor in zip(net.inputs, tensors)})
            return [to_caffe(values[ref]) for ref in fetched]

        specs = [tf.TensorSpec(shapes[ref], tf.float32) for ref in net.inputs]
        return tf.function(compute, autograph=False).get_concrete_function(*specs), net.inputs, fetched


def _without_padding(net, values):
    """Returns `values` ({BlobRef: array}) without the rows that pad them, boxes as OpenCV lists them."""
    shapes, behind = real_shapes(net.layers, values), padded_values(net.layers)
    values = {ref: cut(array, shapes[ref]) if ref in behind else array for ref, array in values.items()}
    for layer in net.layers:
        if isinstance(layer.type, DetectionOutput):
            (top,) = layer.definition.tops
            values[top] = _as_opencv(values[top], max(layer.tops[0][2], layer.type.keep_top_k * layer.bottoms[0][0]))
    return values


def _as_opencv(table, rows):
    """Returns boxes (1, 1, N, 7) as OpenCV lists them: the highest score of each image first, where Caffe has one
    class after the other; as many rows as there may be, zeros behind the boxes.

    Where there is no box Caffe has one row with the label -1, and OpenCV none.
    """
    full = np.zeros((1, 1, rows, 7), np.float32)
    found = table[0, 0][table[0, 0, :, 1] != -1]
    full[0, 0, : len(found)] = found[np.lexsort((-found[:, 2], found[:, 0]))]
    return full
