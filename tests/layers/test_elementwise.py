"""Activations at the points where a gradient is a matter of choice, and what they refuse."""

import numpy as np
import pytest

from tests.layers.one_layer_net import gradients, one_layer, run
from zoo.errors import NetError

X = np.array([[-2.0, -0.5, 0.0], [0.5, 1.0, 3.0]], np.float32)


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize(
    ("type_", "body", "at_zero"),
    [
        ("ReLU", "", 0),
        ("ReLU", "relu_param { negative_slope: 0.1 }", 0.1),
        ("ReLU", "relu_param { negative_slope: -0.5 }", -0.5),
        ("ReLU", "relu_param { negative_slope: 2 }", 2),
        ("PReLU", "prelu_param { filler { value: 0.3 } }", 0.3),
        ("ELU", "elu_param { alpha: 0.7 }", 0.7),
        ("ELU", "", 1),
        ("AbsVal", "", 0),
        ("BNLL", "", 0.5),
        ("Threshold", "", 0),
        ("Swish", "swish_param { beta: 1.5 }", 0.5),
    ],
)
def test_gradient_at_zero(type_, body, at_zero, portable):
    net = one_layer(type_, body, portable=portable)
    (gradient,) = gradients(net, X)
    assert gradient[0, 2] == pytest.approx(at_zero)


@pytest.mark.parametrize("slope", [-0.5, 0.1, 2])
def test_relu_with_any_slope(slope):
    net = one_layer("ReLU", f"relu_param {{ negative_slope: {slope} }}")
    assert np.allclose(run(net, X), np.maximum(X, 0) + slope * np.minimum(X, 0))
    assert np.allclose(gradients(net, X)[0], np.where(X > 0, 1, slope))


def test_clip_passes_the_gradient_at_both_bounds():
    net = one_layer("Clip", "clip_param { min: -0.5 max: 1 }")
    assert np.allclose(run(net, X), np.clip(X, -0.5, 1))
    assert np.array_equal(gradients(net, X)[0], [[0, 1, 1], [1, 1, 0]])


def test_clip_with_its_bounds_exchanged_gives_min():
    net = one_layer("Clip", "clip_param { min: 2 max: 1 }")
    assert np.array_equal(run(net, X), np.full((2, 3), 2))
    assert np.array_equal(gradients(net, X)[0], np.zeros((2, 3)))


def test_threshold_is_strict():
    net = one_layer("Threshold", "threshold_param { threshold: 0.5 }")
    assert np.array_equal(run(net, X), [[0, 0, 0], [0, 1, 1]])


@pytest.mark.parametrize(
    ("body", "want"),
    [("power: 2 scale: 0", 9.0), ("power: 0 scale: 4", 1.0), ("power: -1 scale: 0", 1 / 3), ("power: 0 scale: 0", 1.0)],
)
def test_power_that_ignores_its_input(body, want):
    net = one_layer("Power", f"power_param {{ {body} shift: 3 }}")
    x = np.where(X == 3, np.inf, X)
    assert np.allclose(run(net, x), np.full((2, 3), want))
    assert np.array_equal(gradients(net, x)[0], np.zeros((2, 3)))


@pytest.mark.parametrize(("power", "scale", "shift"), [(3, -0.5, 0.2), (0.5, 1, 4), (-2, 0.3, 5), (1, 2, -1)])
def test_power(power, scale, shift):
    net = one_layer("Power", f"power_param {{ power: {power} scale: {scale} shift: {shift} }}")
    base = shift + scale * X.astype(np.float64)
    assert np.allclose(run(net, X), base**power, rtol=1e-5)
    assert np.allclose(gradients(net, X)[0], power * scale * base ** (power - 1), rtol=1e-5)


def test_exp_and_log_to_other_bases():
    net = one_layer("Exp", "exp_param { base: 3 scale: -0.5 shift: 1.5 }")
    assert np.allclose(run(net, X), 3 ** (1.5 - 0.5 * X), rtol=1e-5)
    net = one_layer("Log", "log_param { base: 0.5 scale: 2 shift: 6 }")
    assert np.allclose(run(net, X), np.log(6 + 2 * X) / np.log(0.5), rtol=1e-5)


@pytest.mark.parametrize(
    ("type_", "body", "match"),
    [
        ("Exp", "exp_param { base: 0 }", "base must be positive, got 0"),
        ("Exp", "exp_param { base: -2 }", "base must be positive, got -2"),
        ("Log", "log_param { base: -3 }", "want a positive number, or -1 for e"),
        ("Log", "log_param { base: 1 }", "logarithm to base 1"),
        ("Power", "power_param { scale: 0 power: -1 }", r"shift\^power"),
    ],
)
def test_what_is_refused(type_, body, match):
    with pytest.raises(NetError, match=rf'layer "layer" \({type_}\): .*{match}'):
        one_layer(type_, body)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 4, 5), (2, 3, 2, 2, 2)])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("portable", [False, True])
def test_prelu_of_any_rank(shape, shared, portable):
    net = one_layer("PReLU", f"prelu_param {{ channel_shared: {str(shared).lower()} }}", [shape], portable=portable)
    (parameter,) = net.learnable()
    assert parameter.array() == pytest.approx(0.25)
    slope = np.float32(-0.4) if shared else np.array([0.1, -0.2, 1.5], np.float32)
    parameter.assign(slope)
    assert np.array_equal(parameter.array(), slope)
    x = np.random.default_rng(1).normal(size=shape)
    by_channel = slope if shared else slope.reshape((3,) + (1,) * (len(shape) - 2))
    assert np.allclose(run(net, x), np.where(x > 0, x, by_channel * x), atol=1e-6)


def test_prelu_needs_channels():
    with pytest.raises(NetError, match="2 or more axes"):
        one_layer("PReLU", bottoms=[(5,)])
