"""A net for many sizes is built once for those that it is open to."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.converters import sized_nets
from zoo.converters.parameters import Parameters
from zoo.converters.sized_nets import SizedNets
from zoo.formats.prototxt import parse_net
from zoo.layers.ops.layout import from_caffe
from zoo.netdef.net import net_def

TEXT = """layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 dim: 12 dim: 12 } } }
layer { name: "c" type: "Convolution" bottom: "x" top: "c"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2 weight_filler { type: "gaussian" std: 1 } } }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { kernel_size: 3 stride: 2 } }"""
IP = 'layer { name: "i" type: "InnerProduct" bottom: "p" top: "i" inner_product_param { num_output: 5 } }'


@pytest.fixture
def builds(monkeypatch):
    """Counts what is built."""
    made = []
    plain = sized_nets.build
    monkeypatch.setattr(sized_nets, "build", lambda *args, **kwargs: made.append(kwargs) or plain(*args, **kwargs))
    return made


def nets(text, phase="TEST"):
    definition = net_def(parse_net(text), phase)
    parameters = Parameters()
    return (
        SizedNets(definition, parameters, opens=phase == "TEST"),
        definition.layers[0].tops[0],
        definition,
        parameters,
    )


def run(net, array):
    return net.run({net.inputs[0]: from_caffe(tf.constant(array))})[net.definition.outputs[0]].numpy()


def test_sizes_of_a_convolutional_net(builds):
    sized, data, definition, parameters = nets(TEXT)
    sized.at({})
    for shape in ((1, 3, 20, 31), (1, 3, 21, 30), (4, 3, 12, 12), (2, 3, 33, 40)):
        net = sized.at({data: (shape,)})
        assert net.shapes[data] == shape
        assert net.layers[1].bottoms == (shape,)
        array = np.random.default_rng(0).random(shape, np.float32)
        own = SizedNets(definition, parameters, opens=False).at({data: (shape,)})
        got, want = run(net, array), run(own, array)
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    assert len([kwargs for kwargs in builds if kwargs]) == 1  # the open one; the others are this test's own
    assert sized.at({data: ((1, 3, 21, 30),)}).base is sized.at({data: ((2, 3, 33, 40),)}).base
    assert len(builds) == 2 + 4


def test_batches_of_a_net_with_an_inner_product(builds):
    sized, data, *_ = nets(TEXT + IP)
    for batch in (1, 2, 3, 5, 8):
        assert sized.at({data: ((batch, 3, 12, 12),)}).shapes[data][0] == batch
    assert len(builds) == 2


def test_a_net_to_train_is_built_for_each_size(builds):
    sized, data, *_ = nets(TEXT, "TRAIN")
    for batch in (1, 2, 3):
        assert sized.at({data: ((batch, 3, 12, 12),)}).patterns is None
    assert len(builds) == 3


def test_nothing_in_an_open_net_is_compiled_for_each_size():
    sized, data, *_ = nets(TEXT + 'layer { name: "n" type: "LRN" bottom: "p" top: "n" }')
    assert "_XlaMustCompile" in graph(sized.at({}), (1, 12, 12, 3))
    assert "_XlaMustCompile" not in graph(sized.at({data: ((2, 3, 12, 12),)}), (None, None, None, 3))


def graph(net, shape):
    """Returns the text of the graph of `net` for such an input."""
    function = tf.function(lambda x: list(net.run({net.inputs[0]: x}).values()), autograph=False)
    return str(function.get_concrete_function(tf.TensorSpec(shape, tf.float32)).graph.as_graph_def())
