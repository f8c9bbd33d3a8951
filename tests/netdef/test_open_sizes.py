"""Which sizes of a net are open, by integers alone."""

import pytest

from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.netdef.open_sizes import fits, follow, open_sizes
from zoo.netdef.shape_inference import infer_shapes

INPUT = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 12 dim: 14 } } }'
CONV = """layer { name: "c" type: "Convolution" bottom: "x" top: "c"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { kernel_size: 2 stride: 2 } }"""
IP = 'layer { name: "i" type: "InnerProduct" bottom: "p" top: "i" inner_product_param { num_output: 5 } }'
WHOLE = 'layer { name: "g" type: "Pooling" bottom: "p" top: "g" pooling_param { pool: AVE global_pooling: true } }'
FLAT = 'layer { name: "f" type: "Flatten" bottom: "p" top: "f" }'


def patterns(*text):
    definition = net_def(parse_net("\n".join([INPUT, *text])), "TEST")
    planned = infer_shapes(definition)
    fed = {layer.definition.tops[0]: layer.tops for layer in planned if layer.type.is_source}
    found = open_sizes(definition, fed, planned)
    return {ref.name: pattern for ref, pattern in found.items()}


def test_batch_and_plane_of_a_convolutional_net():
    assert patterns(CONV) == {
        "x": (None, 3, None, None),
        "c": (None, 4, None, None),
        "p": (None, 4, None, None),
    }


def test_parameters_that_depend_on_the_plane_close_it():
    assert patterns(CONV, IP)["x"] == (None, 3, 12, 14)


def test_behind_a_pooling_of_the_whole_plane_nothing_depends_on_it():
    found = patterns(CONV, WHOLE, IP.replace('"p"', '"g"'))
    assert found["x"] == (None, 3, None, None)
    assert found["g"] == (None, 4, 1, 1)
    assert found["i"] == (None, 5)


@pytest.mark.parametrize(
    "layer",
    [
        FLAT,  # a count of values that no pattern says
        'layer { name: "e" type: "Permute" bottom: "p" top: "e" permute_param { order: 0 order: 2 } }',
        'layer { name: "m" type: "MVN" bottom: "p" top: "m" }',  # says nothing of planes
    ],
)
def test_a_layer_that_does_not_follow_closes_the_plane(layer):
    assert patterns(CONV, layer)["x"] == (None, 3, 12, 14)


def test_a_layer_that_mixes_items_closes_the_batch():
    layer = 'layer { name: "s" type: "Reshape" bottom: "p" top: "s" reshape_param { shape { dim: 4 dim: -1 } } }'
    assert patterns(CONV, layer)["x"] == (2, 3, 12, 14)


def test_a_kernel_that_does_not_fit_is_not_followed():
    """Caffe rounds toward zero, so that such a kernel has one window (conv_layer.cpp:8-22)."""
    text = f"{INPUT}\n{CONV}".replace("kernel_size: 3", "kernel_size: 3 stride: 4")
    definition = net_def(parse_net(text), "TEST")
    (data,) = definition.layers[0].tops
    planned = infer_shapes(definition)
    found = open_sizes(definition, {data: planned[0].tops}, planned)
    assert found[data] == (None, 3, None, None)
    for height, follows in ((3, True), (2, False)):
        sized = infer_shapes(definition, {data: [(1, 3, height, 14)]})
        assert follow(sized, found) is follows


def test_fits():
    assert fits((None, 3, None, None), (7, 3, 1, 2))
    assert not fits((None, 3, None, None), (7, 4, 1, 2))
    assert not fits((None, 3), (7, 3, 1))
