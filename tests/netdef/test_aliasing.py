"""Layers that give their bottom on without a copy: what real Caffe overwrites, and which gradients it loses."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.converters.build import build
from zoo.errors import NetError
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def

X = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 5 } } }\n'
FLAT = 'layer { name: "f" type: "Flatten" bottom: "x" top: "f" }\n'
IP = 'layer {{ name: "{0}" type: "InnerProduct" bottom: "{1}" top: "{0}" inner_product_param {{ num_output: 2 }} }}\n'


def layer(type_, bottom, top, more=""):
    return f'layer {{ name: "{type_}_{top}" type: "{type_}" bottom: "{bottom}" top: "{top}" {more} }}\n'


def refusal(text, phase="TEST"):
    with pytest.raises(NetError) as caught:
        net_def(parse_net(X + text, "net"), phase)
    return str(caught.value)


def test_read_later():
    said = refusal(FLAT + layer("ReLU", "f", "f") + layer("Sigmoid", "x", "y"))
    assert said.startswith(
        'net:3: layer "ReLU_f" (ReLU): works in place on "f", which lies in the memory of "x", which'
    )
    assert said.endswith('layer "Sigmoid_y" (line 4) reads later (give its top a name of its own)')


@pytest.mark.parametrize(
    "sharer",
    [
        layer("Reshape", "x", "f", "reshape_param { shape { dim: 0 dim: -1 } }"),
        layer("Split", "x", "f"),
        layer("Concat", "x", "f"),
        layer("Slice", "x", "f"),
        FLAT.replace('top: "f"', 'top: "g"') + layer("Split", "g", "f"),  # through two names
        FLAT.replace('top: "f"', 'top: "f"') + layer("Dropout", "f", "f"),  # a second layer in place
    ],
)
def test_every_layer_that_shares(sharer):
    assert 'lies in the memory of "x"' in refusal(sharer + layer("ReLU", "f", "f") + layer("Sigmoid", "x", "y"))


def test_two_names_for_one_memory():
    """The second copy comes to be after the first has been overwritten."""
    text = FLAT + layer("ReLU", "f", "f") + layer("Flatten", "x", "g") + layer("Sigmoid", "g", "y")
    assert 'layer "Flatten_g" (line 4) reads later' in refusal(text)


def test_a_parameter_is_not_overwritten():
    text = 'layer { name: "w" type: "Parameter" top: "w" parameter_param { shape { dim: 3 } } }\n'
    assert 'which is the parameter of layer "w" (line 2)' in refusal(text + layer("ReLU", "w", "w"))
    assert 'which is the parameter of layer "w" (line 2)' in refusal(
        text + layer("Flatten", "w", "f", "flatten_param { axis: 0 }") + layer("ReLU", "f", "f")
    )
    net_def(parse_net(X + text + layer("ReLU", "w", "y")), "TRAIN")


def test_read_again_by_a_backward_pass():
    text = IP.format("fc", "x") + FLAT + layer("ReLU", "f", "f")
    assert 'works in place on "f"' in refusal(text, "TRAIN") and "reads again backward" in refusal(text, "TRAIN")
    net_def(parse_net(X + text), "TEST")
    net_def(
        parse_net(X + text.replace("InnerProduct", "Softmax").replace("inner_product_param { num_output: 2 }", "")), 0
    )


@pytest.mark.parametrize("phase", ["TRAIN", "TEST"])
@pytest.mark.parametrize(
    "text",
    [
        FLAT + layer("ReLU", "f", "f") + IP.format("fc", "f"),
        layer("ReLU", "x", "x")
        + FLAT
        + layer("Dropout", "f", "f")
        + layer("Split", "f", "s")
        + layer("TanH", "f", "y"),
        FLAT + 'layer { name: "s" type: "Silence" bottom: "x" }\n' + layer("ReLU", "f", "f"),
        layer("Pooling", "x", "p", "pooling_param { kernel_size: 2 }")
        + layer("ReLU", "p", "p")
        + layer("TanH", "x", "y"),
        layer("Concat", "x", "c", 'bottom: "x"') + layer("ReLU", "c", "c") + layer("Sigmoid", "x", "y"),
        layer("ReLU", "x", "y") + layer("Scale", "y", "y") + layer("TanH", "x", "z"),
        layer("Sigmoid", "x", "y") + FLAT + layer("ReLU", "f", "f"),
    ],
)
def test_what_takes_nothing_from_anyone(text, phase):
    assert net_def(parse_net(X + text), phase).layers


@pytest.mark.parametrize("type_", ["LSTM", "RNN"])
def test_a_flatten_loses_the_gradients_of_recurrent_layers(type_):
    text = """layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 3 dim: 2 dim: 4 } } }
layer { name: "cont" type: "Input" top: "cont" input_param { shape { dim: 3 dim: 2 } } }
layer { name: "l" type: "%s" bottom: "x" bottom: "cont" top: "h"
  recurrent_param { num_output: 3 weight_filler { value: 0.1 } bias_filler { value: 0.1 } } }
"""

    def gradients(more):
        net = build(net_def(parse_net(text % type_ + more), "TRAIN"))
        weights = [parameter.variable.value for parameter in net.learnable()]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            values = net.run(dict(zip(net.inputs, [tf.ones((3, 2, 4)), tf.ones((3, 2))])))
            (y,) = (value for ref, value in values.items() if ref.name == "y")
            total = tf.reduce_sum(y)
        return tape.gradient(total, weights, unconnected_gradients="zero")

    assert not any(np.any(g) for g in gradients(layer("Flatten", "h", "y")))
    assert all(np.any(g) for g in gradients(layer("TanH", "h", "t") + layer("Flatten", "t", "y")))
    assert all(np.any(g) for g in gradients(layer("Reshape", "h", "y", "reshape_param { shape { dim: -1 } }")))


RESHAPE = layer("Reshape", "c", "r", "reshape_param { shape { dim: 0 dim: 2 dim: -1 } }")


@pytest.mark.parametrize(
    ("text", "arrives"),  # as in real Caffe
    [
        (RESHAPE + layer("Flatten", "r", "f"), False),
        (RESHAPE + layer("ReLU", "r", "r") + layer("Flatten", "r", "f"), False),
        (layer("Concat", "c", "r") + layer("Flatten", "r", "f"), False),
        (layer("Slice", "c", "r") + layer("Flatten", "r", "f"), False),
        (RESHAPE + layer("ReLU", "r", "q") + layer("Flatten", "q", "f"), True),
        (RESHAPE + layer("Flatten", "r", "f") + layer("Sigmoid", "r", "s"), True),
        (RESHAPE.replace('top: "r"', 'top: "f"'), True),
        (layer("Flatten", "c", "r", "flatten_param { axis: 2 }") + layer("Flatten", "r", "f"), True),
        (layer("Concat", "c", "r", 'bottom: "c"') + layer("Flatten", "r", "f"), True),
    ],
)
def test_gradients_that_caffe_loses_before_a_flatten(text, arrives):
    body = "convolution_param { num_output: 4 kernel_size: 1 weight_filler { value: 1 } }"
    convolution = layer("Convolution", "x", "c", body)
    parsed = parse_net(X + convolution + text + layer("Reduction", "f", "y"))

    def gradient(portable):
        net = build(net_def(parsed, "TRAIN"), portable=portable)
        (weight, _) = (parameter.variable.value for parameter in net.learnable())
        with tf.GradientTape() as tape:
            tape.watch(weight)
            values = net.run({net.inputs[0]: tf.ones((2, 4, 5, 3))})
            (y,) = (value for ref, value in values.items() if ref.name == "y")
            total = tf.reduce_sum(y) + tf.reduce_sum(weight)
        return np.any(tape.gradient(total, weight) != 1)

    assert gradient(portable=False) == arrives
    assert gradient(portable=True)  # what is exported has the derivative
