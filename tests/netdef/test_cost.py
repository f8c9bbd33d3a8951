"""Parameters and multiply-adds of a net by its shapes alone."""

from zoo.formats import prototxt
from zoo.netdef.cost import Cost, cost
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes

NET = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 3 dim: 4 dim: 7 dim: 5 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "c"
  convolution_param { num_output: 6 kernel_size: 3 group: 2 stride: 2 } }
layer { name: "bn" type: "BatchNorm" bottom: "c" top: "c" }
layer { name: "scale" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }
layer { name: "pool" type: "Pooling" bottom: "c" top: "p" pooling_param { global_pooling: true } }
layer { name: "one" type: "InnerProduct" bottom: "p" top: "one" param { name: "w" } param { lr_mult: 0 }
  inner_product_param { num_output: 10 } }
layer { name: "two" type: "InnerProduct" bottom: "p" top: "two" param { name: "w" }
  inner_product_param { num_output: 10 bias_term: false } }
"""


def planned():
    net = net_def(prototxt.parse_net(NET, "net.prototxt"), "TEST")
    return net, infer_shapes(net)


def test_shared_weights_count_once_and_their_work_twice():
    convolution, scale, inner, bias = 6 * 2 * 9, 2 * 6, 6 * 10, 10
    work = 3 * (3 * 2) * (6 * 2 * 9) + 2 * 3 * 6 * 10
    assert cost(*planned()) == Cost(convolution + 6 + scale + inner + bias, 2 * 6 + 1, work)


def test_some_of_the_layers():
    net, layers = planned()
    assert cost(net, [layer for layer in layers if layer.definition.name == "two"]) == Cost(60, 0, 3 * 60)
    assert cost(net, []) == Cost(0, 0, 0)
