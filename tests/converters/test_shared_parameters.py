"""Parameters shared by name, in one shape and order or in two: values and gradients against the NumPy reference."""

import numpy as np
import pytest
import tensorflow as tf

from zoo import reference
from zoo.converters.build import build
from zoo.errors import NetError
from zoo.formats.prototxt import parse_net
from zoo.layers.ops.layout import from_caffe
from zoo.netdef.net import net_def

# The same 24 numbers weigh a spatial blob (C,H,W order) and a flat one; conv shares them as 2 x 3 x 2 x 2.
NET = """
layer { name: "in" type: "Input" top: "a" top: "b" top: "c"
  input_param { shape { dim: 2 dim: 3 dim: 2 dim: 2 } shape { dim: 2 dim: 12 } shape { dim: 2 dim: 3 dim: 5 dim: 4 } } }
layer { name: "flat" type: "InnerProduct" bottom: "%s" top: "y1" param { name: "w" }
  inner_product_param { num_output: 2 bias_term: false weight_filler { type: "gaussian" } } }
layer { name: "spatial" type: "InnerProduct" bottom: "%s" top: "y2" param { name: "w" }
  inner_product_param { num_output: 2 bias_term: false } }
layer { name: "conv" type: "Convolution" bottom: "c" top: "y3" param { name: "w" share_mode: %s }
  convolution_param { num_output: 2 kernel_size: 2 bias_term: false } }
"""


@pytest.mark.parametrize("order", [("b", "a"), ("a", "b")])
def test_one_array_in_three_shapes(order):
    definition = net_def(parse_net(NET % (*order, "PERMISSIVE")), "TEST")
    net = build(definition)
    (owned,) = net.learnable()
    assert net.parameter_count() == 24
    rng = np.random.default_rng(0)
    inputs = {ref.name: rng.normal(size=net.shapes[ref]).astype(np.float32) for ref in net.inputs}
    feeds = {ref: from_caffe(tf.constant(inputs[ref.name])) for ref in net.inputs}
    weights = {layer.definition.name: [p.array() for p in layer.parameters] for layer in net.layers}
    wanted = reference.run(definition.message, weights, inputs)

    def total(run):
        return sum(float(np.sum(np.square(run[name], dtype=np.float64))) for name in ("y1", "y2", "y3"))

    with tf.GradientTape() as tape:
        values = {ref.name: value for ref, value in net.run(feeds).items()}
        objective = tf.add_n([tf.reduce_sum(tf.square(values[name])) for name in ("y1", "y2", "y3")])
    for name in ("y1", "y2"):
        np.testing.assert_allclose(values[name], wanted[name], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(values["y3"], wanted["y3"].transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-6)

    gradient = owned.spec.to_caffe(tape.gradient(objective, owned.variable.value).numpy())
    direction, step = rng.normal(size=(2, 12)), 1e-3
    ends = []
    for sign in (1, -1):
        moved = weights["flat"][0].reshape(2, 12) + sign * step * direction
        at = {name: [moved.reshape(arrays[0].shape)] for name, arrays in weights.items() if arrays}
        ends.append(total(reference.run(definition.message, at, inputs, dtype=np.float64)))
    slope = (ends[0] - ends[1]) / (2 * step)
    assert np.sum(gradient.reshape(2, 12) * direction) == pytest.approx(slope, rel=1e-4)


def test_a_view_is_assigned_through():
    net = build(net_def(parse_net(NET % ("b", "a", "PERMISSIVE")), "TEST"))
    *_, conv = (layer.parameters[0] for layer in net.layers if layer.parameters)
    conv.assign(np.arange(24.0).reshape(2, 3, 2, 2))
    (owned,) = net.learnable()
    np.testing.assert_array_equal(owned.array(), np.arange(24.0).reshape(2, 12))


def test_strict_wants_one_shape():
    with pytest.raises(NetError, match=r'layer "conv".*got \(2, 3, 2, 2\), want \(2, 12\)'):
        build(net_def(parse_net(NET % ("b", "a", "STRICT")), "TEST"))
