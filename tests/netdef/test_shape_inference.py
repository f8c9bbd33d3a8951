"""What shape inference refuses: everything that is wrong with a net at once, in the order of the file."""

import pytest

from zoo.errors import ZooError
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes

NET = """
layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "c" type: "InnerProduct" bottom: "data" top: "c" inner_product_param { num_output: 5 } }
layer { name: "p" type: "Pooling" bottom: "data" top: "p" pooling_param { kernel_size: 3 pad: 3 } }
layer { name: "after" type: "ReLU" bottom: "p" top: "after" }
layer { name: "e" type: "Eltwise" bottom: "data" bottom: "c" top: "e" }
layer { name: "u" type: "Convolutoin" bottom: "data" top: "u" }
layer { name: "big" type: "Convolution" bottom: "data" top: "big"
  convolution_param { num_output: 2000000000 kernel_size: 3 } }
"""


def test_all_refusals_come_together():
    with pytest.raises(ZooError) as caught:
        infer_shapes(net_def(parse_net(NET, "x.prototxt"), "TEST"))
    said = str(caught.value).splitlines()
    assert said[0] == "4 problems:"
    assert 'x.prototxt:4: layer "p" (Pooling)' in said[1]
    assert 'x.prototxt:6: layer "e" (Eltwise)' in said[2]
    assert 'x.prototxt:7: layer "u" (Convolutoin)' in said[3] and 'did you mean "Convolution"?' in said[3]
    assert 'x.prototxt:8: layer "big" (Convolution)' in said[4] and "a size that no blob can have" in said[4]


BROKEN = """
layer { name: "d" type: "Data" top: "data" top: "label" data_param { source: "x" batch_size: 4 } }
layer { name: "c" type: "Convolution" bottom: "dat" top: "c" convolution_param { num_output: 5 } }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { kernel_size: 3 kernel_h: 2 } }
layer { name: "n" bottom: "p" top: "n" }
layer { name: "i" type: "Input" top: "i" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "e" type: "Eltwise" bottom: "i" bottom: "i2" top: "e" }
layer { name: "s" type: "Slice" bottom: "i" top: "s1" top: "s2" }
layer { name: "u" type: "Relu" bottom: "p" top: "u" }
"""


def test_broken_wiring_and_refused_layers_come_in_one_message():
    with pytest.raises(ZooError) as caught:
        net_def(parse_net(BROKEN, "x.prototxt"), "TEST")
    said = str(caught.value).splitlines()
    wanted = [
        ('x.prototxt:3: layer "c" (Convolution)', 'unknown bottom "dat"'),
        ('x.prototxt:4: layer "p" (Pooling)', "kernel_h"),
        ('x.prototxt:5: layer "n"', "has no type"),
        ('x.prototxt:7: layer "e" (Eltwise)', 'unknown bottom "i2"'),
        ('x.prototxt:8: layer "s" (Slice)', "2 equal tops"),
        ('x.prototxt:9: layer "u" (Relu)', 'did you mean "ReLU"?'),
    ]
    assert said[0] == f"{len(wanted)} problems:"
    for line, (place, what) in zip(said[1:], wanted, strict=True):
        assert place in line and what in line


def test_a_loss_with_several_tops_says_each_ones_weight():
    text = """layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 2 } } }
layer { name: "l" type: "SoftmaxWithLoss" bottom: "x" bottom: "label" top: "loss" top: "prob" %s }"""
    with pytest.raises(ZooError, match="net:3: .* a loss with several tops needs a loss_weight for each"):
        infer_shapes(net_def(parse_net(text % "", "net"), "TRAIN"))
    planned = infer_shapes(net_def(parse_net(text % "loss_weight: 0.5 loss_weight: 0"), "TRAIN"))
    assert planned[-1].loss_weights == (0.5, 0)
