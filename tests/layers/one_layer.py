"""A net of one layer on Input layers, for what the recorded cases and the case table do not ask."""

import numpy as np
import tensorflow as tf

from zoo.converters.build import build
from zoo.formats.prototxt import parse_net
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.netdef.net import net_def


def one_layer(type_, body="", bottoms=((2, 3),), tops=1, phase="TEST", **more):
    """Builds layer "l" of `type_` with `body` on inputs of those Caffe shapes; `more` goes to build()."""
    text = ""
    for i, shape in enumerate(bottoms):
        dims = " ".join(f"dim: {dim}" for dim in shape)
        text += f'layer {{ name: "in{i}" type: "Input" top: "x{i}" input_param {{ shape {{ {dims} }} }} }}\n'
    names = " ".join([f'bottom: "x{i}"' for i in range(len(bottoms))] + [f'top: "y{i}"' for i in range(tops)])
    text += f'layer {{ name: "l" type: "{type_}" {names} {body} }}\n'
    return build(net_def(parse_net(text), phase), **more)


def forward(net, *arrays):
    """Returns the tops of the last layer, in Caffe's order, for inputs in Caffe's order."""
    tops, _ = _run(net, arrays)
    return tops[0] if len(tops) == 1 else tops


def gradients(net, *arrays, top=0, diff=None):
    """Returns the gradients of the inputs, in Caffe's order, for a gradient `diff` (ones) of that top."""
    return _run(net, arrays, top=top, diff=diff)[1]


def _run(net, arrays, top=0, diff=None):
    feeds = {ref: from_caffe(tf.constant(array, tf.float32)) for ref, array in zip(net.inputs, arrays)}
    with tf.GradientTape() as tape:
        tape.watch(list(feeds.values()))
        values = net.run(feeds)
        tops = [values[ref] for ref in net.layers[-1].definition.tops]
        weight = 1.0 if diff is None else from_caffe(tf.constant(diff, tf.float32))
        objective = tf.reduce_sum(tops[top] * weight) if tops else tf.constant(0.0)
    grads = tape.gradient(objective, list(feeds.values()), unconnected_gradients="zero")
    return [np.asarray(to_caffe(y)) for y in tops], [np.asarray(to_caffe(tf.convert_to_tensor(g))) for g in grads]
