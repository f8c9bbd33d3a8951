"""Lstm of caffe_ocr: the fork's own gradient with marks, clipping, and the state that goes on."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.one_layer_net import arrays_of, assign, one_layer_net, run

STEPS, ITEMS, INPUTS, SIZE = 4, 3, 5, 2
RNG = np.random.default_rng(3)
BLOBS = [RNG.normal(size=shape) for shape in ((4 * SIZE, INPUTS), (4 * SIZE, SIZE), (4 * SIZE,))]
X, PULL = RNG.normal(size=(STEPS, ITEMS, INPUTS)), RNG.normal(size=(STEPS, ITEMS, SIZE))
MARKS = np.array([0, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0], float)


def net_of(clip=0.0, marks=True):
    shapes = [X.shape, MARKS.shape] if marks else [X.shape]
    net = one_layer_net(f'type: "Lstm" lstm_param {{ num_output: {SIZE} clipping_threshold: {clip} }}', *shapes)
    assign(net, *BLOBS)
    return net


def by_hand(clip, marks, h0, c0):
    """The passes of lstm_layer_Junhyuk.cpp:132-305: top, gradients of x, W, U and b."""
    w, u, b = BLOBS
    s = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    h, c, gates, conts = [h0], [c0], [], []
    for t in range(STEPS):
        cont = np.full((ITEMS, 1), t > 0, float) if marks is None else (marks[t : t + ITEMS, None] != 0).astype(float)
        i, f, o, g = np.split(X[t] @ w.T + b + cont * (u @ h[-1][0]), 4, axis=1)
        i, f, o, g = s(i), s(f) * cont, s(o), np.tanh(g)
        c.append(f * c[-1] + i * g)
        h.append(o * np.tanh(c[-1]))
        gates.append((i, f, o, g))
        conts.append(cont)
    dh, dc, pre = np.array([np.zeros_like(h0), *PULL]), np.zeros_like(c0), [None] * STEPS
    for t in reversed(range(STEPS)):
        (i, f, o, g), tanh = gates[t], np.tanh(c[t + 1])
        dc = dc + dh[t + 1] * o * (1 - tanh**2)
        parts = (dc * g * i * (1 - i), dc * c[t] * conts[t] * f * (1 - f), dh[t + 1] * tanh * o * (1 - o))
        pre[t] = np.concatenate([*parts, dc * i * (1 - g**2)], axis=1)
        if clip:
            pre[t] = np.clip(pre[t], -clip, clip)
        dc = dc * f
        dh[t][0] += (conts[t] * (pre[t] @ u)).sum(0)
    du = sum(pre[t].T @ h[t] for t in range(1, STEPS)) + np.outer(pre[0][0], h0[0])
    dw = sum(pre[t].T @ X[t] for t in range(STEPS))
    return np.array(h[1:]), c[-1], np.array(pre) @ w, dw, du, np.array(pre).sum((0, 1))


@pytest.mark.parametrize("clip", [0.0, 0.05])
@pytest.mark.parametrize("marks", [None, MARKS])
def test_two_batches(clip, marks):
    net = net_of(clip, marks is not None)
    feeds = [X] if marks is None else [X, marks]
    h = c = np.zeros((ITEMS, SIZE))
    for _ in range(2):
        top, c_last, *want = by_hand(clip, marks, h, c)
        got, gradients = with_gradients(net, feeds)
        np.testing.assert_allclose(got, top, rtol=1e-5, atol=1e-6)
        for mine, theirs in zip(gradients, want, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
        h, c = (top[-1], c_last) if marks is not None else (h, c)


def with_gradients(net, feeds):
    """Returns the top, and the gradients of x, W, U and b in Caffe's shapes."""
    tensors = [tf.constant(array, tf.float32) for array in feeds]
    parameters = net.layers[-1].parameters
    variables = [p.variable.value for p in parameters]
    with tf.GradientTape() as tape:
        tape.watch(tensors[0])
        top = net.run(dict(zip(net.inputs, tensors)))[net.layers[-1].definition.tops[0]]
        total = tf.reduce_sum(top * PULL.astype(np.float32))
    x, *rest = tape.gradient(total, [tensors[0], *variables])
    return top, [x, *(p.spec.to_caffe(np.asarray(gradient)) for p, gradient in zip(parameters, rest))]


def test_blobs_and_state_that_does_not_go_on():
    net = net_of(marks=False)
    assert [array.shape for array in arrays_of(net)] == [(8, 5), (8, 2), (8,)]
    assert not net.state
    np.testing.assert_array_equal(run(net, X), run(net, X))
