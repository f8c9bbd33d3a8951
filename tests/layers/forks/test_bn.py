"""BN of three forks: which of them is meant, what is learned, and what mixed precision leaves alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.one_layer_net import arrays_of, assign, gradients, one_layer_net, run
from zoo.errors import ZooError
from zoo.layers.ops.layout import from_caffe

SHAPE = (6, 3, 5, 4)


def net_of(fields="", phase="TRAIN", **more):
    return one_layer_net(f'type: "BN" bn_param {{ {fields} }} {more.pop("rest", "")}', SHAPE, phase=phase, **more)


def multipliers(net):
    return [(p.lr_mult, p.decay_mult, p.variable.trainable) for p in net.learnable()]


@pytest.mark.parametrize(
    "fields, blobs", [("", 4), ("bn_mode: LEARN", 2), ("shift_filler { value: 0.1 }", 2), ("momentum: 0.9", 4)]
)
def test_text_tells_the_fork(fields, blobs):
    assert len(net_of(fields).layers[-1].parameters) == blobs


def test_fields_of_two_forks():
    with pytest.raises(ZooError, match=r"several.*scale_filler is set \(segnet\)|--fork=psp\|segnet"):
        net_of("scale_filler { value: 1 } momentum: 0.9")


def test_running_statistics_are_not_learned_whatever_the_file_says():
    given = " ".join("param { lr_mult: 2 decay_mult: 3 }" for _ in range(4))
    assert multipliers(net_of("", rest=given)) == [(2, 3, True), (2, 3, True), (0, 0, False), (0, 0, False)]
    assert multipliers(net_of("frozen: true", rest=given)) == [(0, 0, False)] * 4


def test_fresh_blobs():
    assert [float(array.ravel()[0]) for array in arrays_of(net_of(""))] == [0, 0, 0, 0]
    filled = net_of("slope_filler { value: 1 } bias_filler { value: 0.5 } frozen: true")
    assert [float(array.ravel()[0]) for array in arrays_of(filled)] == [1, 0.5, 0, 1]


def test_inference_has_one_top():
    with pytest.raises(ZooError, match="INFERENCE gives no mean and variance"):
        one_layer_net('type: "BN" top: "mean" bn_param { bn_mode: INFERENCE }', SHAPE)


def test_inference_in_place_takes_the_gradient_of_the_scale_from_the_top():
    """The fork multiplies by its bottom's values, by then the top's (bn_layer.cpp:357-363 of caffe-segnet)."""
    shape, rng = (2, 3, 2, 2), np.random.default_rng(4)
    x, dy, scale, shift = (rng.normal(size=s).astype(np.float32) for s in (shape, shape, (1, 3, 1, 1), (1, 3, 1, 1)))
    for top, read in (("y", x), ("b0", scale * x + shift)):
        net = one_layer_net('type: "BN" bn_param { bn_mode: INFERENCE }', shape, tops=(top,))
        assign(net, scale, shift)
        variables = [p.variable.value for p in net.layers[-1].parameters]
        with tf.GradientTape() as tape:
            values = net.run({net.inputs[0]: from_caffe(tf.constant(x))})
            total = tf.reduce_sum(values[net.layers[-1].definition.tops[0]] * from_caffe(tf.constant(dy)))
        of_scale, of_shift = tape.gradient(total, variables)
        np.testing.assert_allclose(np.ravel(of_scale), (read * dy).sum((0, 2, 3)), rtol=1e-5)
        np.testing.assert_allclose(np.ravel(of_shift), dy.sum((0, 2, 3)), rtol=1e-5)


@pytest.mark.parametrize(("frozen", "portable"), [(False, False), (True, False), (False, True)])
def test_the_gradient_in_test_is_that_of_a_batch_unless_frozen(frozen, portable):
    """By the running statistics' x, in the formula of training (bn_layer.cpp:216-303 of PSPNet)."""
    net = net_of(f"eps: 0.1 frozen: {str(frozen).lower()}", "TEST", portable=portable)
    x, dy = np.random.default_rng(2).normal(size=(2, *SHAPE))
    slope, bias, mean, variance = np.random.default_rng(3).uniform(0.5, 2, (4, 1, 3, 1, 1))
    assign(net, slope, bias, mean, variance)
    unit, g = (x - mean) / np.sqrt(variance + 0.1), dy * slope
    along = (unit * g).mean((0, 2, 3), keepdims=True)
    g = g if frozen or portable else g - g.mean((0, 2, 3), keepdims=True) - unit * along
    (dx,) = gradients(net, x, diff=dy)
    np.testing.assert_allclose(dx, g / np.sqrt(variance + 0.1), rtol=1e-4, atol=1e-5)


def test_running_statistics_are_kept_in_full_precision():
    x = np.random.default_rng(0).normal(3, 2, size=SHAPE).astype(np.float32)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        net = net_of("momentum: 0.75")
        blobs = [np.reshape(values, (1, 3, 1, 1)) for values in ([1, 2, 3], [0, 0, 0], [100.5, 0.25, 7], [1e4, 2, 3])]
        assign(net, *blobs)
        run(net, x)
    finally:
        keras.config.set_dtype_policy("float32")
    _, _, mean, variance = arrays_of(net)
    np.testing.assert_allclose(mean.ravel(), 0.75 * blobs[2].ravel() + 0.25 * x.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(variance.ravel(), 0.75 * blobs[3].ravel() + 0.25 * x.var((0, 2, 3)), rtol=1e-6)
