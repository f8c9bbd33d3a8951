"""Builds one layer from its text, and runs it on arrays of Caffe's order, for what the case table does not ask."""

import numpy as np
import tensorflow as tf

from zoo.converters.build import build
from zoo.formats.prototxt import parse_net
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.netdef.net import net_def


def one_layer_net(layer, *shapes, phase="TEST", tops=("y",), after="", **more):
    """Returns the `Net` of one layer named "layer" whose bottoms b0, b1, ... have `shapes`.

    Args:
        layer: the text within the layer's braces, from `type` on, without bottoms and tops.
        tops: their names.
        after: text of the net behind the layer.
        more: for `build`.
    """
    inputs = [
        f'layer {{ name: "b{i}" type: "Input" top: "b{i}" input_param {{ shape {{ '
        + "".join(f"dim: {dim} " for dim in shape)
        + "} } }\n"
        for i, shape in enumerate(shapes)
    ]
    bottoms = "".join(f'bottom: "b{i}" ' for i in range(len(shapes)))
    names = "".join(f'top: "{top}" ' for top in tops)
    text = "".join(inputs) + f'layer {{ name: "layer" {bottoms}{names}{layer} }}\n{after}'
    return build(net_def(parse_net(text), phase), **more)


def one_layer(type_, body="", bottoms=((2, 3),), tops=1, **more):
    """As `one_layer_net`, of a type and the text that follows it, with as many `tops` y0, y1, ... as it says."""
    return one_layer_net(f'type: "{type_}" {body}', *bottoms, tops=[f"y{i}" for i in range(tops)], **more)


def run(net, *arrays):
    """Returns the tops, in Caffe's order, of a `one_layer_net` for float32 arrays of its bottoms."""
    values = net.run({ref: from_caffe(tf.constant(a, tf.float32)) for ref, a in zip(net.inputs, arrays, strict=True)})
    tops = [to_caffe(values[ref]).numpy() for ref in net.layers[-1].definition.tops]
    return tops[0] if len(tops) == 1 else tops


def gradients(net, *arrays, top=0, diff=None):
    """Returns the gradients of the bottoms, in Caffe's order, for a gradient `diff` (ones) of that top."""
    feeds = {ref: from_caffe(tf.constant(a, tf.float32)) for ref, a in zip(net.inputs, arrays, strict=True)}
    with tf.GradientTape() as tape:
        tape.watch(list(feeds.values()))
        values = net.run(feeds)
        weight = 1.0 if diff is None else from_caffe(tf.constant(diff, tf.float32))
        objective = tf.reduce_sum(values[net.layers[-1].definition.tops[top]] * weight)
    grads = tape.gradient(objective, list(feeds.values()), unconnected_gradients="zero")
    return [np.asarray(to_caffe(tf.convert_to_tensor(g))) for g in grads]


def arrays_of(net):
    """Returns the layer's parameters as arrays of Caffe's shapes."""
    return [parameter.array() for parameter in net.layers[-1].parameters]


def assign(net, *arrays):
    """Sets the layer's parameters."""
    for parameter, array in zip(net.layers[-1].parameters, arrays, strict=True):
        parameter.assign(np.asarray(array, np.float32))
