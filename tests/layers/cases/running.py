"""Runs a case both ways: through prototxt -> NetDef -> build -> Keras, and through the reference implementation."""

import functools

import numpy as np
import tensorflow as tf

from zoo import reference
from zoo.converters.build import build
from zoo.formats.prototxt import parse_net
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.netdef.net import net_def
from zoo.netdef.padding import without_padding


@functools.cache
def _built(case, portable):
    return build(net_def(parse_net(case.prototxt), case.phase), portable=portable)


def net_of(case, portable=False):
    """Returns the built net with the case's parameters in it and nothing carried over from an earlier batch."""
    net = _built(case, portable)
    for variable in net.state.values():
        variable.assign(np.zeros(variable.shape, np.float32))
    for name, arrays in weights_of(case, net).items():
        (layer,) = (layer for layer in net.layers if layer.definition.name == name)
        for parameter, array in zip(layer.parameters, arrays, strict=True):
            parameter.assign(array)
    return net


def weights_of(case, net):
    """Returns {layer: float32 arrays in Caffe's shapes} of the case."""
    return {
        layer.definition.name: case.blobs([p.spec.shape for p in layer.parameters], layer.definition.name)
        for layer in net.layers
        if layer.parameters
    }


def last_values(net):
    """Returns {blob: BlobRef} of the last value of every blob that a layer computes."""
    computed = [layer for layer in net.layers if layer.call is not None]
    return {top.name: top for layer in computed for top in layer.definition.tops}


def feeds_of(net, arrays):
    """Returns {BlobRef: tensor} as `Net.run` takes them."""
    return {ref: from_caffe(tf.constant(arrays[ref.name])) for ref in net.inputs}


def as_caffe(tensor):
    """Returns a tensor's value in Caffe's order."""
    return np.asarray(to_caffe(tf.convert_to_tensor(tensor)))


def real_values(net, values):
    """Returns {BlobRef: array of Caffe's order} of all of a net's `values`, without rows that pad them."""
    return without_padding(net.layers, {ref: as_caffe(value) for ref, value in values.items()})


def expected(case, net, arrays, dtype=np.float32, weights=None, after=None):
    """Returns {blob: array} by the reference implementation."""
    weights = weights_of(case, net) if weights is None else weights
    return reference.run(net.definition.message, weights, arrays, case.phase, dtype=dtype, after=after)
