"""A net's blobs as arrays, without Keras: the same numbers as in the built net."""

import subprocess
import sys

import numpy as np
import pytest

from zoo.converters import weights
from zoo.converters.blob_arrays import array_net
from zoo.converters.build import build
from zoo.errors import NetError
from zoo.formats import caffemodel
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 3 kernel_size: 3 pad: 1 weight_filler { type: "msra" } } param { name: "w" } }
layer { name: "again" type: "Convolution" bottom: "conv" top: "again"
  convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: "msra" } } param { name: "w" } }
layer { name: "flat" type: "InnerProduct" bottom: "data" top: "flat" param { name: "w" share_mode: PERMISSIVE }
  inner_product_param { num_output: 3 axis: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "again" top: "ip"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
"""
FITTING = NET.replace("num_output: 3 axis: 2", "num_output: 27 bias_term: false axis: 3").replace(
    "dim: 4 dim: 4 }", "dim: 4 dim: 3 }"
)


def planned(text):
    definition = net_def(parse_net(text), "TEST")
    return definition, infer_shapes(definition)


def arrays_of(net):
    return {layer.definition.key: [parameter.array() for parameter in layer.parameters] for layer in net.layers}


def check_same(one, other):
    assert one.keys() == other.keys()
    for key in one:
        for a, b in zip(one[key], other[key], strict=True):
            assert a.shape == b.shape
            assert a.tobytes() == np.ascontiguousarray(b).tobytes(), key


def test_filled_as_the_built_net():
    definition, layers = planned(FITTING)
    check_same(arrays_of(array_net(definition, layers)), arrays_of(build(definition)))


def test_loaded_as_the_built_net(tmp_path):
    definition, layers = planned(FITTING)
    net, built = array_net(definition, layers), build(definition)
    rng = np.random.default_rng(0)
    blobs = {key: [rng.normal(size=a.shape) for a in arrays] for key, arrays in arrays_of(built).items() if key != "ip"}
    caffemodel.write(tmp_path / "w.caffemodel", blobs)
    assert weights.load(net, tmp_path / "w.caffemodel") == weights.load(built, tmp_path / "w.caffemodel")
    check_same(arrays_of(net), arrays_of(built))


def test_a_shared_blob_that_does_not_fit():
    definition, layers = planned(NET)
    with pytest.raises(NetError, match=r"blob 0 does not fit conv/0, which it shares, got \(3, 16\)"):
        array_net(definition, layers)


def test_no_keras_is_loaded():
    code = "import sys, zoo.converters.blob_arrays, zoo.converters.weights; print('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
