"""Derivatives by each rule, against differences and against the same computed by hand."""

import numpy as np
import pytest

from tests.visualization.nets import INPUT, Case, conv, dense, drawn, pool, relu
from zoo.visualization import backward, saliency

STEP = 1e-5


def test_the_gradient_is_the_derivative(small, net):
    fed = drawn((1, 12, 13, 3))
    found = saliency.gradient(net, fed, net.scores(), 2)
    rng = np.random.default_rng(1)
    places = [(0, *map(int, place)) for place in rng.integers(0, (12, 13, 3), (60, 3))]
    moved = np.repeat(fed.astype(np.float64), 2 * len(places), axis=0)
    for row, place in enumerate(places):
        moved[2 * row][place[1:]] += STEP
        moved[2 * row + 1][place[1:]] -= STEP
    scores = small.values(moved)["score"][:, 2]
    want = (scores[::2] - scores[1::2]) / (2 * STEP)
    np.testing.assert_allclose([found[place] for place in places], want, rtol=1e-3, atol=1e-5)
    assert np.abs(want).max() > 0.01


def test_a_derivative_for_a_value_on_the_way(small, net):
    """By the chain: of c2 for the pooled plane, as reference values around it say."""
    fed = drawn((2, 12, 13, 3))
    ref, at = net.value("score"), net.value("c2")
    value, found = net.derivative(fed, ref, saliency.of_class(1), at=at)
    weights = small.arrays["score"][0].reshape(3, *net.shape(at)[1:])
    np.testing.assert_allclose(found, np.repeat(weights[1:2], 2, axis=0), rtol=1e-5)
    np.testing.assert_allclose(value, small.values(fed)["score"], rtol=1e-4, atol=1e-5)


# ---- by hand: two convolutions, both rectified, max pooling between ----

TWO = (
    INPUT % (1, 8, 8)
    + conv("c1", "data", "num_output: 3 kernel_size: 3 bias_term: false")
    + relu("c1")
    + pool("p1", "c1", "pool: MAX kernel_size: 2 stride: 2")
    + conv("c2", "p1", "num_output: 2 kernel_size: 2 bias_term: false")
    + relu("c2")
    + dense("score", "c2", 2)
)


def forward_conv(x, kernels):
    """(C, H, W) -> (O, H', W')."""
    size = kernels.shape[2]
    height, width = x.shape[1] - size + 1, x.shape[2] - size + 1
    out = np.zeros((len(kernels), height, width))
    for y in range(height):
        for column in range(width):
            out[:, y, column] = (kernels * x[:, y : y + size, column : column + size]).sum(axis=(1, 2, 3))
    return out


def transposed_conv(gradient, kernels):
    """(O, H', W') -> (C, H, W): each value lays its filter down."""
    size = kernels.shape[2]
    out = np.zeros((kernels.shape[1], gradient.shape[1] + size - 1, gradient.shape[2] + size - 1))
    for y in range(gradient.shape[1]):
        for x in range(gradient.shape[2]):
            out[:, y : y + size, x : x + size] += np.tensordot(gradient[:, y, x], kernels, 1)
    return out


def pooled(x):
    """Returns (maxima of 2 x 2, switches: their places)."""
    tiles = x.reshape(x.shape[0], x.shape[1] // 2, 2, x.shape[2] // 2, 2).transpose(0, 1, 3, 2, 4)
    flat = tiles.reshape(*tiles.shape[:3], 4)
    return flat.max(axis=3), flat.argmax(axis=3)


def unpooled(gradient, switches):
    """Puts each value where its maximum was."""
    out = np.zeros((*gradient.shape, 4))
    np.put_along_axis(out, switches[..., None], gradient[..., None], axis=3)
    channels, height, width, _ = out.shape
    tiles = out.reshape(channels, height, width, 2, 2).transpose(0, 1, 3, 2, 4)
    return tiles.reshape(channels, 2 * height, 2 * width)


def by_hand(arrays, fed, seed, rule):
    """Returns the derivative for the image (H, W) of sum(c2 * seed), as the rule says."""
    (first,), (second,) = arrays["c1"], arrays["c2"]
    x1 = forward_conv(fed[None], first)
    p1, switches = pooled(np.maximum(x1, 0))
    x2 = forward_conv(p1, second)
    masks = {
        backward.GRADIENT: lambda x, r: (x > 0) * r,
        backward.DECONVOLUTION: lambda x, r: (r > 0) * r,
        backward.GUIDED: lambda x, r: (x > 0) * (r > 0) * r,
    }
    mask = masks[rule]
    above = transposed_conv(mask(x2, seed), second)
    return transposed_conv(mask(x1, unpooled(above, switches)), first)[0]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return Case(tmp_path_factory.mktemp("two"), TWO, seed=4)


@pytest.mark.parametrize("rule", [backward.GRADIENT, backward.GUIDED, backward.DECONVOLUTION])
def test_each_rule_by_hand(two, rule):
    net, fed = two.open(), drawn((1, 8, 8, 1), seed=2)
    ref = net.value("c2")
    assert ref.version == 1  # behind the ReLU
    seed = drawn(net.shape(ref), seed=5)
    value, found = net.derivative(fed, ref, lambda _: seed, rule)
    want = by_hand(two.arrays, fed[0, :, :, 0].astype(np.float64), seed[0], rule)
    np.testing.assert_allclose(found[0, :, :, 0], want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(value, two.values(fed)["c2"], rtol=1e-4, atol=1e-5)
    others = [by_hand(two.arrays, fed[0, :, :, 0], seed[0], r) for r in (backward.GRADIENT, backward.GUIDED)]
    assert rule == backward.DECONVOLUTION or not np.allclose(*others)


def test_only_what_a_value_needs_is_run(net):
    layers = backward.needed(net.net.layers, [net.value("n1")])
    assert [layer.definition.name for layer in layers] == ["data", "c1", "relu_c1", "p1", "n1"]
