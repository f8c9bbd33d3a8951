"""BatchNorm, Scale, Bias, MVN and LRN where no recorded case goes, and what they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.one_layer_net import arrays_of, assign, one_layer_net, run
from zoo.errors import ZooError


@pytest.fixture
def half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("shape", [(6, 3, 5, 4), (6, 3)])
def test_sums_are_kept_in_full_precision(shape, half_precision):
    x = np.random.default_rng(0).normal(3, 2, size=shape).astype(np.float32)
    net = one_layer_net('type: "BatchNorm"', shape, phase="TRAIN")
    assign(net, [1000.5, 2000.25, 3000.125], [1e4, 2e4, 3e4], [1000.0])
    run(net, x)
    axes = (0, *range(2, len(shape)))
    mean, var, weight = arrays_of(net)
    np.testing.assert_allclose(mean, 0.999 * np.array([1000.5, 2000.25, 3000.125]) + x.mean(axes), rtol=1e-6)
    np.testing.assert_allclose(var, 0.999 * np.array([1e4, 2e4, 3e4]) + x.var(axes, ddof=1), rtol=1e-6)
    np.testing.assert_allclose(weight, [1000], rtol=1e-6)


@pytest.mark.parametrize("portable", [False, True])
def test_stored_statistics_are_used_in_full_precision(portable, half_precision):
    net = one_layer_net('type: "BatchNorm"', (1, 2, 1, 1), portable=portable)
    assign(net, [1000.5, -3.0], [2.0, 4.0], [1.0])
    y = run(net, np.float32([1001.0, 1.0]).reshape(1, 2, 1, 1))
    np.testing.assert_allclose(y.astype(np.float32).ravel(), [0.5 / np.sqrt(2), 2.0], rtol=1e-2)


def test_one_value_has_no_unbiased_variance():
    net = one_layer_net('type: "BatchNorm"', (1, 2), phase="TRAIN")
    np.testing.assert_array_equal(run(net, np.float32([[3, -4]])), [[0, 0]])
    mean, var, weight = arrays_of(net)
    np.testing.assert_array_equal(mean, [3, -4])
    np.testing.assert_array_equal(var, [0, 0])
    np.testing.assert_array_equal(weight, [1])


def test_a_second_run_moves_the_sums_again():
    net = one_layer_net(
        'type: "BatchNorm" batch_norm_param { moving_average_fraction: 0.5 }', (4, 1, 2, 1), phase="TRAIN"
    )
    for i in range(3):
        run(net, np.full((4, 1, 2, 1), i, np.float32))
    mean, _, weight = arrays_of(net)
    assert mean == 0.5 * 1 + 2
    assert weight == 1.75


@pytest.mark.parametrize("across", ["true", "false"])
def test_a_constant_plane_has_a_finite_gradient(across):
    net = one_layer_net(f'type: "MVN" mvn_param {{ across_channels: {across} }}', (2, 3, 4, 5))
    x = tf.fill((2, 4, 5, 3), 2.5)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(net.run({net.inputs[0]: x})[net.layers[-1].definition.tops[0]])
    assert np.isfinite(tape.gradient(y, x)).all()


def test_mvn_fills_up_to_four_axes():
    net = one_layer_net('type: "MVN"', (2, 3, 5))
    x = np.random.default_rng(1).normal(size=(2, 3, 5)).astype(np.float32)
    y = run(net, x)
    assert y.shape == (2, 3, 5, 1)
    np.testing.assert_allclose(
        y[..., 0], (x - x.mean(2, keepdims=True)) / x.std(2, keepdims=True), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("size, k, beta", [(17, 1, 0.75), (5, 0, 0.75), (3, 2, 0.001), (1, 1, 0.5)])
def test_lrn_of_sizes_that_cudnn_refuses(size, k, beta, portable):
    x = np.random.default_rng(2).normal(size=(2, 7, 3, 4)).astype(np.float32)
    body = f'type: "LRN" lrn_param {{ local_size: {size} alpha: 0.7 beta: {beta} k: {k} }}'
    total = [(x[:, max(0, c - size // 2) : c + size // 2 + 1].astype(np.float64) ** 2).sum(1) for c in range(7)]
    want = x * (k + 0.7 / size * np.stack(total, 1)) ** -beta
    np.testing.assert_allclose(run(one_layer_net(body, x.shape, portable=portable), x), want, rtol=1e-5)


@pytest.mark.parametrize(
    "body, shapes, says",
    [
        ('type: "BatchNorm" param { lr_mult: 1 }', [(2, 3)], "sums are not learned, got lr_mult 1"),
        ('type: "BatchNorm"', [(6,)], "want 2 axes or more"),
        ('type: "Scale" scale_param { axis: 2 num_axes: 3 }', [(2, 3, 4, 5)], "num_axes does not fit, got 3"),
        ('type: "Scale" scale_param { num_axes: -2 }', [(2, 3, 4, 5)], "num_axes does not fit, got -2"),
        ('type: "Scale" scale_param { axis: 4 }', [(2, 3, 4, 5)], "no such axis, got 4"),
        ('type: "Scale"', [(2, 3, 4, 5), (4,)], "does not match the first from axis 1"),
        ('type: "Bias"', [(2, 3, 4, 5), (3, 4, 5, 6)], "does not match the first from axis 1"),
        ('type: "LRN" lrn_param { local_size: 4 }', [(2, 3, 4, 5)], "local_size is even, got 4"),
        ('type: "LRN"', [(2, 3, 4)], "want 4 axes"),
        ('type: "MVN"', [(2, 3, 4, 5, 6)], "want 4 axes or fewer"),
        ('type: "Crop"', [(2, 3, 4, 5), (2, 3, 4, 6)], "reaches past the end, got offset 0 and size 6, want 5"),
        (
            'type: "Crop" crop_param { offset: 1 offset: 1 offset: 1 }',
            [(2, 3, 4, 5), (2, 3, 2, 2)],
            "number of offsets",
        ),
        ('type: "Crop" crop_param { axis: 1 }', [(2, 3, 4), (2, 3)], "the second bottom lacks axes"),
        ('type: "Im2col"', [(2, 3, 4, 5)], "kernel_size is missing"),
        (
            'type: "Im2col" convolution_param { num_output: 2 kernel_size: 2 }',
            [(2, 3, 4, 5)],
            "num_output has no meaning",
        ),
        ('type: "Im2col" convolution_param { kernel_size: 1 }', [(2, 3)], "there is no spatial axis"),
        ('type: "SPP"', [(2, 3, 4, 5)], "pyramid_height is missing"),
        ('type: "SPP" spp_param { pyramid_height: 4 }', [(2, 3, 1, 5)], "more bins than the plane has values"),
        ('type: "SPP" spp_param { pyramid_height: 2 pool: STOCHASTIC }', [(2, 3, 4, 5)], "needs padding"),
    ],
)
def test_refused(body, shapes, says):
    with pytest.raises(ZooError) as raised:
        one_layer_net(body, *shapes)
    assert says in str(raised.value)


def test_a_pyramid_of_drawn_values_draws_each_level_for_itself():
    x = np.random.default_rng(3).uniform(0.5, 1, size=(2, 3, 4, 8)).astype(np.float32)
    body = 'type: "SPP" spp_param { pyramid_height: 2 pool: STOCHASTIC }'
    y = run(one_layer_net(body, x.shape, phase="TRAIN"), x)
    assert y.shape == (2, 15)
    for item, row in zip(x, y):
        whole, quarters = row[:3], row[3:].reshape(3, 2, 2)
        for c in range(3):
            assert whole[c] in item[c]
            for i in range(2):
                for j in range(2):
                    assert quarters[c, i, j] in item[c, 2 * i : 2 * i + 2, 4 * j : 4 * j + 4]
