"""Rows that pad a top of which only the data knows the rows, cut away."""

import numpy as np

from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.netdef.padding import cut, padded_values, real_shapes, without_padding
from zoo.netdef.shape_inference import infer_shapes

HEAD = """
    layer { name: "loc" type: "Input" top: "loc" input_param { shape { dim: 2 dim: 24 } } }
    layer { name: "conf" type: "Input" top: "conf" input_param { shape { dim: 2 dim: 12 } } }
    layer { name: "prior" type: "Input" top: "prior" input_param { shape { dim: 1 dim: 2 dim: 24 } } }
    layer { name: "det" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "prior" top: "det"
      detection_output_param { num_classes: 2 confidence_threshold: 0.5 } }
"""
BEHIND = """
    layer { name: "rows" type: "Reshape" bottom: "det" top: "rows" reshape_param { shape { dim: -1 dim: 7 } } }
    layer { name: "ip" type: "InnerProduct" bottom: "rows" top: "ip"
      inner_product_param { num_output: 2 weight_filler { type: "constant" value: 1 } } }
    layer { name: "mean" type: "Reduction" bottom: "ip" top: "mean" reduction_param { operation: MEAN } }
"""


def planned(text):
    return infer_shapes(net_def(parse_net(text), "TEST"))


def padded(rows, size=12):
    """A top with so many real rows."""
    top = np.full((1, 1, size, 7), -1.0, np.float32)
    top[0, 0, :rows] = np.arange(7)
    return top


def test_shapes_behind_follow_the_real_rows():
    layers = planned(HEAD + BEHIND)
    refs = {ref.name: ref for layer in layers for ref in layer.definition.tops}
    assert {ref.name for ref in padded_values(layers)} == {"det", "rows", "ip", "mean"}
    shapes = real_shapes(layers, {refs["det"]: padded(5)})
    assert [shapes[refs[name]] for name in ("loc", "det", "rows", "ip", "mean")] == [
        (2, 24), (1, 1, 5, 7), (5, 7), (5, 2), ()
    ]  # fmt: skip
    values = {ref: np.zeros(shape) for layer in layers for ref, shape in zip(layer.definition.tops, layer.tops)}
    values[refs["det"]] = padded(5)
    assert without_padding(layers, values)[refs["ip"]].shape == (5, 2)


def test_a_net_without_padded_tops_is_left_alone():
    layers = planned(HEAD[: HEAD.index('layer { name: "det"')])
    values = {ref: np.zeros(3) for layer in layers for ref in layer.definition.tops}
    assert without_padding(layers, values) == values
    assert padded_values(layers) == set()


def test_cut():
    assert cut(np.arange(12).reshape(3, 4), (2, 3)).tolist() == [[0, 1, 2], [4, 5, 6]]
