"""WarpCTCLoss: the gradient that the fork writes in the forward pass, and what it stops at."""

import numpy as np
import pytest

from tests.layers.one_layer_net import gradients, one_layer_net, run
from zoo.errors import NetError

RNG = np.random.default_rng(5)
X = RNG.normal(size=(5, 3, 4))
LINES = np.array([[1, 2, 0], [3, 3, 3], [0, 0, 0]], float)  # the second needs 5 steps, just what there are


def cost(x, line):
    """Of one item, by all readings."""
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    found = 0.0
    for path in np.ndindex(*[x.shape[1]] * len(x)):
        read = [c for i, c in enumerate(path) if c and (not i or path[i - 1] != c)]
        found += np.prod(p[np.arange(len(x)), path]) if read == line else 0
    return -np.log(found)


def test_the_gradient_is_of_the_sum_and_knows_no_loss_weight():
    lines = [[1, 2], [3, 3, 3], []]
    net = one_layer_net('type: "WarpCTCLoss" loss_weight: 0.25', X.shape, LINES.shape)
    np.testing.assert_allclose(run(net, X, LINES), np.mean([cost(X[:, n], lines[n]) for n in range(3)]), rtol=1e-5)
    want, step = np.zeros_like(X), 1e-5
    for place in np.ndindex(*X.shape):
        more, less = X.copy(), X.copy()
        more[place] += step
        less[place] -= step
        n = place[1]
        want[place] = (cost(more[:, n], lines[n]) - cost(less[:, n], lines[n])) / (2 * step)
    got, none = gradients(net, X, LINES, diff=np.float32(0.25))
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    assert not none.any()


def test_a_line_that_cannot_be_read_costs_nothing_and_pulls_nothing():
    net = one_layer_net('type: "WarpCTCLoss"', (4, 2, 4), (2, 3))
    x, lines = X[:4, :2], LINES[:2]
    np.testing.assert_allclose(run(net, x, lines), cost(x[:, 0], [1, 2]) / 2, rtol=1e-5)
    got, _ = gradients(net, x, lines)
    assert got[:, 0].any() and not got[:, 1].any()


@pytest.mark.parametrize("label", [4, -1])
def test_a_label_that_no_class_has_is_nan(label):
    net = one_layer_net('type: "WarpCTCLoss"', X.shape, LINES.shape)
    assert np.isnan(run(net, X, np.where(LINES == 2, label, LINES)))


@pytest.mark.parametrize(
    ("body", "shapes", "message"),
    [
        ("ctc_loss_param { blank_index: -1 }", [(5, 3, 4), (3, 2)], "blank_index must be a class, got -1"),
        ("ctc_loss_param { blank_index: 4 }", [(5, 3, 4), (3, 2)], "blank_index must be a class, got 4"),
        ("", [(5, 3, 4, 2), (3, 2)], r"takes \(T,N,C\)"),
        ("", [(5, 3, 4), (4, 2)], r"labels are \(N,L\) for 3 items"),
        ("", [(5, 3, 4), (5, 3), (4, 3)], r"marks and labels are \(T,N\)"),
        ("", [(5, 3, 4), (3,), (2,), (4, 3)], "there is a length for each item"),
    ],
)
def test_refused(body, shapes, message):
    with pytest.raises(NetError, match=message):
        one_layer_net(f'type: "WarpCTCLoss" {body}', *shapes)
