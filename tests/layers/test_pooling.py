"""Pooling where no recorded case goes: ties, empty windows, STOCHASTIC, and what is refused."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.one_layer_net import one_layer_net, run
from zoo.errors import ZooError

FLT_MAX = np.finfo(np.float32).max


def pooling(body):
    return f'type: "Pooling" pooling_param {{ {body} }}'


def gradient(net, x):
    """Gradient of the sum of all of top 0."""
    (ref,) = net.inputs
    with tf.GradientTape() as tape:
        fed = tf.constant(x.transpose(0, 2, 3, 1))
        tape.watch(fed)
        total = tf.reduce_sum(net.run({ref: fed})[net.layers[-1].definition.tops[0]])
    return tape.gradient(total, fed).numpy().transpose(0, 3, 1, 2)


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("tops", [("y",), ("y", "mask")])
def test_of_equal_values_the_first_takes_the_gradient(tops, portable):
    net = one_layer_net(pooling("kernel_size: 2 stride: 2"), (1, 1, 4, 5), portable=portable, tops=tops)
    x = np.float32([[[[1, 1, 2, 0, 3], [1, 1, 2, 2, 3], [-4, -5, -6, -6, 0], [-4, -4, -6, -6, 0]]]])
    want = np.float32([[[[1, 0, 1, 0, 1], [0, 0, 0, 0, 0], [1, 0, 1, 0, 1], [0, 0, 0, 0, 0]]]])
    np.testing.assert_array_equal(gradient(net, x), want)
    if len(tops) == 2:
        np.testing.assert_array_equal(run(net, x)[1], [[[[0, 2, 4], [10, 12, 14]]]])


@pytest.mark.parametrize("portable", [False, True])
def test_padding_never_wins(portable):
    body = pooling("kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 pad_h: 2 pad_w: 1")
    net = one_layer_net(body, (1, 2, 4, 3), portable=portable, tops=("y", "mask"))
    x = -np.arange(1, 25, dtype=np.float32).reshape(1, 2, 4, 3)
    y, mask = run(net, x)
    np.testing.assert_array_equal(mask[0, 0], [[0, 0, 1, 2], [0, 0, 1, 2], [6, 6, 7, 8]])
    np.testing.assert_array_equal(mask[0, 1], mask[0, 0])
    np.testing.assert_array_equal(y, -1 - mask - np.float32([0, 12])[:, None, None])


@pytest.mark.parametrize("portable", [False, True])
def test_windows_outside_the_plane(portable):
    """Without padding the last window stays although a stride above the kernel carries it past the end."""
    x = np.random.default_rng(1).normal(size=(2, 3, 8, 9)).astype(np.float32)
    net = one_layer_net(pooling("kernel_size: 1 stride: 3"), x.shape, portable=portable, tops=("y", "mask"))
    y, mask = run(net, x)
    assert y.shape == (2, 3, 4, 4)
    np.testing.assert_array_equal(y[:, :, :3, :3], x[:, :, ::3, ::3])
    np.testing.assert_array_equal(y[:, :, 3], -FLT_MAX)
    np.testing.assert_array_equal(y[:, :, :, 3], -FLT_MAX)
    np.testing.assert_array_equal(mask[0, 0], [[0, 3, 6, -1], [27, 30, 33, -1], [54, 57, 60, -1], [-1] * 4])
    ave = run(one_layer_net(pooling("pool: AVE kernel_size: 1 stride: 3"), x.shape, portable=portable), x)
    np.testing.assert_array_equal(ave[:, :, :3, :3], x[:, :, ::3, ::3])
    assert np.isnan(ave[:, :, :3, 3]).all()  # begins at 9, where the plane ends: 0 / 0
    assert (ave[:, :, 3, :3] == 0).all()  # 0 / -1


@pytest.mark.parametrize("portable", [False, True])
def test_stochastic_in_test_weighs_each_value_by_itself(portable):
    x = np.random.default_rng(2).uniform(0.1, 2, size=(2, 3, 5, 7)).astype(np.float32)
    x[0, 0, :2, :2] = 0
    body = pooling("pool: STOCHASTIC kernel_size: 2 stride: 2")
    y = run(one_layer_net(body, x.shape, portable=portable), x)
    assert y.shape == (2, 3, 3, 4)
    for i in range(3):
        for j in range(4):
            window = x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].astype(np.float64)
            total = window.sum((2, 3))
            want = np.divide((window**2).sum((2, 3)), total, out=np.zeros_like(total), where=total > 0)
            np.testing.assert_allclose(y[:, :, i, j], want, rtol=1e-5)


def test_stochastic_in_train_draws_in_proportion_and_by_the_clock():
    values = np.float32([1, 2, 0, 5])
    x = np.tile(values.reshape(1, 1, 2, 2), (3000, 1, 1, 1))
    net = one_layer_net(pooling("pool: STOCHASTIC kernel_size: 2 stride: 2"), x.shape, phase="TRAIN", seed=3)
    y = run(net, x)
    counts = [(y == value).sum() for value in values]
    assert sum(counts) == 3000
    np.testing.assert_allclose(counts, 3000 * values / 8, atol=4 * np.sqrt(3000 * 0.25))
    np.testing.assert_array_equal(run(net, x), y)
    np.testing.assert_array_equal(gradient(net, x).sum((1, 2, 3)), 1)
    np.testing.assert_array_equal((gradient(net, x) * x).sum((1, 2, 3)), y[:, 0, 0, 0])
    net.clock.assign_add(1)
    assert (run(net, x) != y).any()
    other = one_layer_net(pooling("pool: STOCHASTIC kernel_size: 2 stride: 2"), x.shape, phase="TRAIN", seed=4)
    assert (run(other, x) != y).any()


def test_stochastic_counts_only_what_lies_in_the_plane():
    x = np.float32(np.arange(1, 10).reshape(1, 1, 3, 3))
    y = run(one_layer_net(pooling("pool: STOCHASTIC kernel_size: 2 stride: 2"), x.shape, phase="TRAIN"), x)
    assert y[0, 0, 0, 0] in (1, 2, 4, 5) and y[0, 0, 0, 1] in (3, 6) and y[0, 0, 1, 0] in (7, 8) and y[0, 0, 1, 1] == 9


@pytest.mark.parametrize(
    "body, says",
    [
        ("", "the kernel is kernel_size, or kernel_h and kernel_w"),
        ("kernel_h: 3", "the kernel is kernel_size, or kernel_h and kernel_w"),
        ("kernel_size: 3 kernel_w: 3", "the kernel is kernel_size, or kernel_h and kernel_w"),
        ("kernel_size: 3 global_pooling: true", "no kernel can be given"),
        ("global_pooling: true stride: 2", "want pad 0 and stride 1"),
        ("global_pooling: true pad: 1", "want pad 0 and stride 1"),
        ("kernel_size: 0", "want a kernel of 1 or more"),
        ("kernel_size: 3 stride: 0", "want a stride of 1 or more"),
        ("kernel_size: 3 stride_h: 2", "stride is stride, or stride_h and stride_w"),
        ("kernel_size: 3 pad: 1 pad_h: 1 pad_w: 1", "pad is pad, or pad_h and pad_w"),
        ("kernel_size: 3 pad: 3", "want padding smaller than the kernel"),
        ("pool: STOCHASTIC kernel_size: 3 pad: 1", "want no padding for STOCHASTIC"),
        ("kernel_size: 2 ceil_mode: false round_mode: CEIL", "contradict"),
        ("kernel_size: 8 round_mode: FLOOR", "the kernel is larger than the padded bottom"),
    ],
)
def test_refused(body, says):
    with pytest.raises(ZooError) as raised:
        one_layer_net(pooling(body), (2, 3, 5, 7))
    assert says in str(raised.value)


def test_only_max_has_a_mask_and_only_planes_are_pooled():
    with pytest.raises(ZooError, match="only MAX has a mask"):
        one_layer_net(pooling("pool: AVE kernel_size: 2"), (2, 3, 5, 7), tops=("y", "mask"))
    with pytest.raises(ZooError, match="want 4 axes"):
        one_layer_net(pooling("kernel_size: 2"), (2, 3, 5))
    with pytest.raises(ZooError, match="cannot be exported for training"):
        one_layer_net(pooling("pool: STOCHASTIC kernel_size: 2"), (2, 3, 5, 7), phase="TRAIN", portable=True)


def test_mask_of_a_plane_whose_size_is_open():
    net = one_layer_net(
        'type: "Pooling" pooling_param { kernel_size: 3 stride: 2 pad: 1 }', (1, 2, 7, 9), tops=("y", "mask")
    )
    x = np.random.default_rng(0).normal(size=(1, 2, 7, 9)).astype(np.float32)
    call = tf.function(net.layers[-1].call, input_signature=[tf.TensorSpec((1, None, None, 2))])
    for got, want in zip(call(x.transpose(0, 2, 3, 1)), run(net, x), strict=True):
        np.testing.assert_array_equal(np.transpose(got, (0, 3, 1, 2)), want)
