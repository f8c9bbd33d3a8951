"""Convolution where no recorded case goes: strides with dilation, other axes, and what is refused."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.one_layer_net import arrays_of, assign, one_layer_net, run
from zoo.errors import ZooError


def convolve(x, weight, stride, pad, dilation, group):
    """One plane convolution by its definition, in float64. x (N,C,H,W)."""
    kernel = weight.shape[2:]
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    outs = [int((n + 2 * p - r) / s) + 1 for n, p, r, s in zip(x.shape[2:], pad, reach, stride)]
    far = [max(p, (o - 1) * s + r - n - p) for o, s, r, n, p in zip(outs, stride, reach, x.shape[2:], pad)]
    x = np.pad(x.astype(np.float64), [(0, 0), (0, 0), *zip(pad, far)])
    y = np.zeros((x.shape[0], weight.shape[0], *outs))
    rows, columns = weight.shape[0] // group, weight.shape[1]
    for o, i, j in itertools.product(range(weight.shape[0]), *map(range, outs)):
        first = o // rows * columns
        h, w = i * stride[0], j * stride[1]
        part = x[:, first : first + columns, h : h + reach[0] : dilation[0], w : w + reach[1] : dilation[1]]
        y[:, o, i, j] = (part * weight[o]).sum((1, 2, 3))
    return y


def close(got, want):
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize(
    "shape, outputs, group, kernel, stride, pad, dilation",
    [
        ((2, 3, 13, 11), 5, 1, (3, 2), (2, 2), (1, 2), (2, 2)),  # every second value is all that is seen
        ((2, 3, 13, 11), 5, 1, (3, 2), (4, 3), (1, 0), (2, 2)),  # one axis by halves, one in full
        ((2, 4, 13, 11), 6, 2, (2, 3), (1, 2), (2, 1), (3, 1)),  # stride on one axis, dilation on the other
        ((2, 4, 12, 11), 8, 4, (3, 3), (2, 2), (2, 2), (3, 3)),  # a group for each channel
        ((2, 4, 12, 11), 8, 4, (3, 3), (2, 1), (2, 2), (1, 1)),  # the same, stride not square
        ((2, 4, 9, 10), 6, 2, (5, 3), (2, 2), (2, 1), (1, 1)),  # padding that SAME lays elsewhere on an even size
        ((1, 2, 4, 9), 3, 1, (6, 3), (3, 2), (0, 0), (1, 1)),  # misses the bottom by less than a stride
    ],
)
def test_by_definition(shape, outputs, group, kernel, stride, pad, dilation, portable):
    rng = np.random.default_rng(5)
    sizes = zip(("kernel_size", "stride", "pad", "dilation"), (kernel, stride, pad, dilation))
    text = " ".join(f"{name}: {size}" for name, pair in sizes for size in pair)
    body = f'type: "Convolution" convolution_param {{ num_output: {outputs} group: {group} {text} }}'
    net = one_layer_net(body, shape, portable=portable)
    x = rng.normal(size=shape).astype(np.float32)
    weight, bias = (rng.normal(size=a.shape).astype(np.float32) for a in arrays_of(net))
    assert weight.shape == (outputs, shape[1] // group, *kernel)
    assign(net, weight, bias)
    want = convolve(x, weight, stride, pad, dilation, group)
    close(run(net, x), want + bias[:, None, None])
    assert net.shapes[net.layers[-1].definition.tops[0]] == want.shape

    (x_ref,), variable = net.inputs, net.layers[-1].parameters[0].variable
    pull = rng.normal(size=want.shape).transpose(0, 2, 3, 1).astype(np.float32)
    with tf.GradientTape() as tape:
        fed = tf.constant(x.transpose(0, 2, 3, 1))
        tape.watch(fed)
        (top,) = net.layers[-1].definition.tops
        objective = tf.reduce_sum(net.run({x_ref: fed})[top] * pull)
    dx, dw = tape.gradient(objective, [fed, variable.value])
    dw = net.layers[-1].parameters[0].spec.to_caffe(dw.numpy())
    for _ in range(3):  # it is linear in each: a direction's derivative is the value there
        x_way, w_way = rng.normal(size=shape), rng.normal(size=weight.shape)
        along = (convolve(x_way, weight, stride, pad, dilation, group) * pull.transpose(0, 3, 1, 2)).sum()
        np.testing.assert_allclose((dx.numpy().transpose(0, 3, 1, 2) * x_way).sum(), along, rtol=1e-4, atol=1e-3)
        along = (convolve(x, w_way, stride, pad, dilation, group) * pull.transpose(0, 3, 1, 2)).sum()
        np.testing.assert_allclose((dw * w_way).sum(), along, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("axis, items", [(2, (6, 4)), (-3, (6, 4)), (0, (1,))])
def test_axes_before_the_channels_are_a_batch(axis, items, portable):
    rng = np.random.default_rng(6)
    shape = (3, 2, 4, 5, 7) if items == (6, 4) else (4, 5, 7)
    body = f'type: "Convolution" convolution_param {{ num_output: 3 kernel_size: 2 pad: 1 stride: 2 axis: {axis} }}'
    net = one_layer_net(body, shape, portable=portable)
    x = rng.normal(size=shape).astype(np.float32)
    weight, bias = (rng.normal(size=a.shape).astype(np.float32) for a in arrays_of(net))
    assign(net, weight, bias)
    want = convolve(x.reshape(-1, *shape[-3:]), weight, (2, 2), (1, 1), (1, 1), 1) + bias[:, None, None]
    close(run(net, x), want.reshape(*shape[:-3], 3, *want.shape[2:]))


@pytest.mark.parametrize("portable", [False, True])
def test_no_spatial_axes(portable):
    rng = np.random.default_rng(7)
    net = one_layer_net(
        'type: "Convolution" convolution_param { num_output: 5 kernel_size: 1 }', (3, 4), portable=portable
    )
    weight, bias = (rng.normal(size=a.shape).astype(np.float32) for a in arrays_of(net))
    assert weight.shape == (5, 4)
    assign(net, weight, bias)
    x = rng.normal(size=(3, 4)).astype(np.float32)
    close(run(net, x), x @ weight.T + bias)


def test_flops_are_multiplications():
    net = one_layer_net('type: "Convolution" convolution_param { num_output: 6 group: 2 kernel_size: 3 }', (2, 4, 7, 5))
    (layer,) = net.layers[-1:]
    assert layer.type.flops(layer.bottoms, layer.tops) == 2 * 6 * (5 * 3) * (2 * 3 * 3)


@pytest.mark.parametrize(
    "body, says",
    [
        ("kernel_size: 3", "num_output is missing"),
        ("num_output: 4", "kernel_size is missing, want one value, or one for each of the 2 spatial axes"),
        ("num_output: 4 kernel_size: 3 kernel_size: 3 kernel_size: 3", "wrong number of kernel_size values, got 3"),
        ("num_output: 4 kernel_size: 3 kernel_h: 3 kernel_w: 3", "both kernel_size and kernel_h or kernel_w"),
        ("num_output: 4 kernel_size: 0", "kernel is too small, got 0 x 0, want 1 or more"),
        ("num_output: 4 kernel_h: 3", "kernel is too small, got 3 x 0"),
        ("num_output: 4 kernel_size: 3 stride: 0", "stride is too small"),
        ("num_output: 4 kernel_size: 3 stride_h: 2", "stride is too small, got 2 x 0"),
        ("num_output: 4 kernel_size: 3 pad: 1 pad_h: 1", "both pad and pad_h"),
        ("num_output: 4 kernel_size: 3 dilation: 1 dilation: 1 dilation: 1", "wrong number of dilation"),
        ("num_output: 4 kernel_size: 3 group: 3", "group does not divide num_output, got 3"),
        ("num_output: 5 kernel_size: 3 group: 5", "group does not divide the channels, got 5"),
        ("num_output: 4 kernel_size: 9", "the kernel is larger than the padded bottom"),
        ("num_output: 4 kernel_size: 3 axis: 4", "no such axis, got 4"),
    ],
)
def test_refused(body, says):
    with pytest.raises(ZooError) as raised:
        one_layer_net(f'type: "Convolution" convolution_param {{ {body} }}', (2, 4, 7, 6))
    assert says in str(raised.value)
    assert 'layer "layer" (Convolution)' in str(raised.value)


def test_bottoms_must_agree():
    body = 'type: "Convolution" convolution_param { num_output: 4 kernel_size: 3 }'
    with pytest.raises(ZooError, match="the bottoms differ in shape"):
        one_layer_net(body, (2, 4, 7, 6), (2, 4, 6, 7), tops=("p", "q"))
    with pytest.raises(ZooError, match="one top for each bottom"):
        one_layer_net(body, (2, 4, 7, 6), (2, 4, 7, 6))
    with pytest.raises(ZooError, match="for two spatial axes"):
        one_layer_net('type: "Convolution" convolution_param { num_output: 4 kernel_h: 3 kernel_w: 3 }', (2, 4, 7))
