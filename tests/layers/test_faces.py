"""CenterLoss and MarginInnerProduct where their gradients are no derivatives, what they remember, what they refuse."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.one_layer_net import one_layer, run
from zoo.errors import NetError

X = np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32)
LABEL = np.array([0, 1, 1, 1], np.float32)


def backward(net, diff=None):
    """Returns (tops, gradient of x, gradient of the blob) of the net's only layer for X and LABEL."""
    (layer,) = (layer for layer in net.layers if layer.parameters)
    feeds = dict(zip(net.inputs, (tf.constant(X), tf.constant(LABEL))))
    variable = layer.parameters[0].variable.value
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([feeds[net.inputs[0]], variable])
        tops = [net.run(feeds)[top] for top in layer.definition.tops[:1]]
        scalar = tf.reduce_sum(tops[0] * (net.losses[0][1] if net.losses else diff))
    return tops[0].numpy(), *(
        tf.convert_to_tensor(g).numpy() for g in tape.gradient(scalar, [feeds[net.inputs[0]], variable])
    )


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("weight", [1, 0.008])
def test_centres_move_alike_whatever_the_loss_weight(weight, portable):
    body = f"loss_weight: {weight} center_loss_param {{ num_output: 3 center_filler {{ type: 'xavier' }} }}"
    net = one_layer("CenterLoss", body, [X.shape, LABEL.shape], portable=portable)
    centres = net.layers[-1].parameters[0].array()
    _, of_x, of_centres = backward(net)
    off = centres[LABEL.astype(int)] - X
    assert of_x == pytest.approx(-weight * off / 4, rel=1e-5)
    assert of_centres == pytest.approx(np.stack([off[0] / 2, off[1:].sum(0) / 4, np.zeros(3)]), rel=1e-5)


def test_margin_remembers_its_weight_and_how_often_it_ran():
    body = (
        "margin_inner_product_param { num_output: 2 type: DOUBLE base: 10 gamma: 1 weight_filler { type: 'xavier' } }"
    )
    net = one_layer("MarginInnerProduct", body, [X.shape, LABEL.shape], tops=2)
    parameter = net.layers[-1].parameters[0]
    parameter.assign(5 * parameter.array())
    seen = [float(run(net, X, LABEL)[1][0]) for _ in range(3)]
    assert seen == pytest.approx([10 / 2, 10 / 3, 10 / 4])
    assert np.linalg.norm(parameter.array(), axis=1) == pytest.approx(np.ones(2), rel=1e-6)


def test_the_weight_of_a_margin_gets_the_gradient_of_a_plain_product():
    body = "margin_inner_product_param { num_output: 2 type: QUADRUPLE base: 0 weight_filler { type: 'xavier' } }"
    net = one_layer("MarginInnerProduct", body, [X.shape, LABEL.shape])
    diff = np.random.default_rng(4).normal(size=(4, 2)).astype(np.float32)
    _, _, of_weight = backward(net, diff)
    assert of_weight == pytest.approx(diff.T @ X, rel=1e-4)


@pytest.mark.parametrize("type_", ["CenterLoss", "MarginInnerProduct"])
def test_a_label_that_no_class_has_gives_nan(type_):
    param = {"CenterLoss": "center_loss_param", "MarginInnerProduct": "margin_inner_product_param"}[type_]
    net = one_layer(type_, f"{param} {{ num_output: 2 }}", [X.shape, LABEL.shape])
    assert np.isnan(run(net, X, LABEL + 1)).any()


@pytest.mark.parametrize(
    ("type_", "body", "message"),
    [
        ("CenterLoss", "", "num_output must be given"),
        ("CenterLoss", "center_loss_param { num_output: 2 axis: 0 }", "features must be all values of an item"),
        ("MarginInnerProduct", "", "num_output must be given"),
        ("MarginInnerProduct", "margin_inner_product_param { num_output: 2 axis: 0 }", "axis 0 is the items"),
    ],
)
def test_refused(type_, body, message):
    with pytest.raises(NetError, match=message):
        one_layer(type_, body, [X.shape, LABEL.shape])
