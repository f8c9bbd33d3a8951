"""The GraphDef of a net: a node a layer, groups by "/", edges by blobs, what a layer is as attributes."""

from zoo.formats import prototxt
from zoo.netdef.config import open_config
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes
from zoo.training.board.graph import graph, node_name

NET = """
name: "n"
layer { name: "d:1" type: "DummyData" top: "x" top: "y" dummy_data_param {
  shape { dim: 4 dim: 3 dim: 8 dim: 8 } shape { dim: 4 } } }
layer { name: "block/conv" type: "Convolution" bottom: "x" top: "c" param { lr_mult: 0.5 }
  convolution_param { num_output: 5 kernel_size: 3 weight_filler { type: "gaussian" std: 0.01 } } }
layer { name: "block/relu" type: "ReLU" bottom: "c" top: "c" }
layer { name: "block/relu" type: "ReLU" bottom: "c" top: "c" }
layer { name: "ip" type: "InnerProduct" bottom: "c" top: "s" inner_product_param { num_output: 2 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "s" bottom: "y" top: "loss" loss_weight: 2 }
"""


def nodes(definition, shapes=None):
    """{name: node} of a net's graph."""
    return {node.name: node for node in graph(infer_shapes(definition, shapes)).node}


def test_nodes_edges_and_attributes():
    found = nodes(net_def(prototxt.parse_net(NET, "n.prototxt"), "TRAIN"))
    assert {name: (node.op, list(node.input)) for name, node in found.items()} == {
        "d_1": ("DummyData", []),
        "block/conv": ("Convolution", ["d_1"]),
        "block/relu": ("ReLU", ["block/conv"]),  # in place: the last to write the blob is the source
        "block/relu#2": ("ReLU", ["block/relu"]),
        "ip": ("InnerProduct", ["block/relu#2"]),
        "loss": ("SoftmaxWithLoss", ["ip", "d_1:1"]),
    }
    attributes = found["block/conv"].attr
    assert list(attributes["bottom"].list.s) == [b"x: 4 x 3 x 8 x 8"]
    assert list(attributes["top"].list.s) == [b"c: 4 x 5 x 6 x 6"]
    assert list(attributes["blobs"].list.s) == [b"kernel: 5 x 3 x 3 x 3", b"bias: 5"]
    assert attributes["num_output"].i == 5 and attributes["parameters"].i == 5 * 27 + 5
    assert attributes["multiply_adds"].i == 4 * 36 * 5 * 27
    assert attributes["weight_filler.std"].s == b"0.01" and attributes["param[0].lr_mult"].s == b"0.5"
    assert [dim.size for dim in attributes["_output_shapes"].list.shape[0].dim] == [4, 5, 6, 6]
    assert list(found["loss"].attr["loss_weight"].list.s) == [b"2.0"]


def test_lenet_of_both_phases():
    config = open_config("configs/lenet.prototxt")
    for phase, last in (("TRAIN", ["loss"]), ("TEST", ["accuracy", "loss"])):
        definition = config.definition(phase)
        data = definition.layers[0].tops[0]
        found = nodes(definition, {data: ((64, 1, 28, 28), (64,))})
        assert list(found)[-len(last) :] == last and list(found["accuracy" if phase == "TEST" else "loss"].input) == [
            "ip2",
            "mnist:1",
        ]


def test_names_that_tensorboard_would_misread():
    assert node_name("a/b c^:0") == "a/b_c__0" and node_name("/a//b/") == "a/b" and node_name("//") == "layer"
