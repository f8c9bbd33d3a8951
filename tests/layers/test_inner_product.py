"""InnerProduct at every axis and rank, against einsum in Caffe's order."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.one_layer_net import gradients, one_layer, run
from zoo.errors import NetError, UnsupportedError
from zoo.layers import inner_product
from zoo.layers.keras_layers.large_dense import LargeDense
from zoo.layers.ops.layout import from_caffe

SHAPES = [(3, 7), (3, 2, 5), (3, 2, 4, 5), (2, 3, 2, 2, 3)]


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize(("shape", "axis"), [(shape, axis) for shape in SHAPES for axis in range(len(shape))])
def test_flattens_in_caffes_order_from_any_axis(shape, axis, transpose, portable):
    rng = np.random.default_rng(axis)
    body = f"inner_product_param {{ num_output: 6 axis: {axis - len(shape)} transpose: {str(transpose).lower()} }}"
    net = one_layer("InnerProduct", body, [shape], portable=portable)
    size = math.prod(shape[axis:])
    weight, bias = net.learnable()
    w = rng.normal(size=(size, 6) if transpose else (6, size)).astype(np.float32)
    assert weight.spec.shape == w.shape
    weight.assign(w)
    assert np.array_equal(weight.array(), w)
    b = rng.normal(size=6).astype(np.float32)
    bias.assign(b)
    x = rng.normal(size=shape).astype(np.float32)
    matrix = w if transpose else w.T
    y = run(net, x)
    assert y.shape == (*shape[:axis], 6)
    assert np.allclose(y, x.reshape(*shape[:axis], size) @ matrix + b, atol=1e-5)
    diff = rng.normal(size=y.shape)
    assert np.allclose(gradients(net, x, diff=diff)[0], (diff @ matrix.T).reshape(shape), atol=1e-5)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(3, 7), (3, 2, 4, 5)])
def test_large_weights_have_the_gradients_of_small_ones(monkeypatch, shape, bias):
    rng = np.random.default_rng(0)
    body = f"inner_product_param {{ num_output: 6 bias_term: {str(bias).lower()} }}"
    x, diff = rng.normal(size=shape).astype(np.float32), rng.normal(size=(3, 6))
    w, b = rng.normal(size=(6, math.prod(shape[1:]))), rng.normal(size=6)
    found = []
    for least in (0, math.inf):
        monkeypatch.setattr(inner_product, "_LARGE", least)
        net = one_layer("InnerProduct", body, [shape])
        operations = {type(op) for op in net.model().operations}
        assert (LargeDense in operations) == (least == 0)
        for parameter, array in zip(net.learnable(), (w, b)):
            parameter.assign(array)
        variables = [parameter.variable.value for parameter in net.learnable()]
        with tf.GradientTape() as tape:
            feed = from_caffe(tf.constant(x))
            tape.watch(feed)
            y = net.run({net.inputs[0]: feed})[net.layers[-1].definition.tops[0]]
            loss = tf.reduce_sum(y * diff)
        found.append([y, *tape.gradient(loss, [feed, *variables])])
    for large, small in zip(*found):
        np.testing.assert_allclose(large, small, rtol=0, atol=1e-5)


def test_a_spatial_bottom_is_not_moved_at_run_time():
    net = one_layer("InnerProduct", "inner_product_param { num_output: 6 }", [(3, 2, 4, 5)], portable=True)
    assert [type(op).__name__ for op in net.model().operations] == ["InputLayer", "Reshape", "Dense"]


def test_without_bias():
    net = one_layer("InnerProduct", "inner_product_param { num_output: 6 bias_term: false }", [(3, 7)])
    assert [p.spec.shape for p in net.learnable()] == [(6, 7)]
    assert not run(net, np.ones((3, 7))).any()


def test_any_batch():
    net = one_layer("InnerProduct", "inner_product_param { num_output: 6 }", [(3, 2, 4, 5)])
    assert net.model(any_batch=True)([np.ones((7, 4, 5, 2), np.float32)]).shape == (7, 6)


@pytest.mark.parametrize(
    ("body", "match"),
    [
        ("", "num_output must be given and positive"),
        ("inner_product_param { num_output: 2 axis: 2 }", "no such axis, got 2"),
    ],
)
def test_what_is_refused(body, match):
    with pytest.raises(NetError, match=match):
        one_layer("InnerProduct", body, [(3, 7)])


def test_a_filler_that_does_not_exist_is_placed():
    with pytest.raises(
        UnsupportedError, match=r'layer "layer" \(InnerProduct\): unknown filler type "gausian".*"gaussian"'
    ):
        one_layer("InnerProduct", 'inner_product_param { num_output: 2 weight_filler { type: "gausian" } }', [(3, 7)])
