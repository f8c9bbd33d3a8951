"""Deconvolution where no recorded case goes, as what a convolution's gradient is."""

import itertools

import numpy as np
import pytest

from tests.layers.one_layer_net import arrays_of, assign, one_layer_net, run
from zoo.errors import ZooError


def lay(x, weight, stride, pad, dilation, group):
    """Deconvolution by its definition, in float64: every value lays its multiple of the kernel. x (N,C,spatial)."""
    kernel, rows = weight.shape[2:], weight.shape[1]
    full = [s * (n - 1) + d * (k - 1) + 1 for s, n, d, k in zip(stride, x.shape[2:], dilation, kernel)]
    y = np.zeros((x.shape[0], group * rows, *full))
    for c, place in itertools.product(range(x.shape[1]), itertools.product(*map(range, x.shape[2:]))):
        first = c // (x.shape[1] // group) * rows
        at = tuple(slice(i * s, i * s + d * (k - 1) + 1, d) for i, s, d, k in zip(place, stride, dilation, kernel))
        value = x[(slice(None), c, *place)].astype(np.float64).reshape(-1, *[1] * (1 + len(kernel)))
        y[(slice(None), slice(first, first + rows), *at)] += value * weight[c]
    return y[(..., *(slice(p, n - p) for p, n in zip(pad, full)))]


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize(
    "shape, outputs, group, kernel, stride, pad, dilation",
    [
        ((2, 4, 3, 5), 6, 2, (3, 2), (2, 3), (1, 0), (2, 1)),
        ((2, 4, 3, 5), 4, 4, (3, 4), (2, 2), (0, 1), (1, 2)),
        ((2, 4, 3, 5), 4, 4, (3, 4), (2, 3), (1, 1), (1, 1)),  # strides not square
        ((2, 4, 3, 5), 2, 2, (2, 3), (3, 3), (0, 1), (1, 1)),  # two channels merged into one; stride above the kernel
        ((2, 3, 4, 5), 2, 1, (3, 2), (2, 1), (2, 1), (3, 2)),
        ((2, 4, 6), 6, 2, (3,), (2,), (1,), (2,)),
        ((1, 4, 3, 2, 4), 6, 2, (2, 3, 1), (2, 1, 3), (1, 0, 0), (1, 1, 1)),
    ],
)
def test_by_definition(shape, outputs, group, kernel, stride, pad, dilation, portable):
    rng = np.random.default_rng(8)
    sizes = zip(("kernel_size", "stride", "pad", "dilation"), (kernel, stride, pad, dilation))
    text = " ".join(f"{name}: {size}" for name, each in sizes for size in each)
    body = f'type: "Deconvolution" convolution_param {{ num_output: {outputs} group: {group} {text} }}'
    net = one_layer_net(body, shape, portable=portable)
    x = rng.normal(size=shape).astype(np.float32)
    weight, bias = (rng.normal(size=a.shape).astype(np.float32) for a in arrays_of(net))
    assert weight.shape == (shape[1], outputs // group, *kernel)
    assign(net, weight, bias)
    want = lay(x, weight, stride, pad, dilation, group) + bias.reshape(-1, *[1] * len(kernel))
    got = run(net, x)
    assert got.shape == want.shape == net.shapes[net.layers[-1].definition.tops[0]]
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


def test_flops_are_multiplications():
    net = one_layer_net(
        'type: "Deconvolution" convolution_param { num_output: 6 group: 2 kernel_size: 3 }', (2, 4, 7, 5)
    )
    (layer,) = net.layers[-1:]
    assert layer.type.flops(layer.bottoms, layer.tops) == 2 * 4 * (7 * 5) * (3 * 3 * 3)


@pytest.mark.parametrize(
    "body, shape, says",
    [
        ("num_output: 4 kernel_size: 2 pad: 4", (2, 4, 3, 3), "the padding leaves nothing of the output"),
        ("num_output: 4 kernel_size: 2 group: 4", (2, 6, 3, 3), "group does not divide the channels"),
        ("num_output: 4 kernel_size: 1", (2, 6), "unsupported number of spatial axes, got 0, want 1 to 3"),
    ],
)
def test_refused(body, shape, says):
    with pytest.raises(ZooError, match=says):
        one_layer_net(f'type: "Deconvolution" convolution_param {{ {body} }}', shape)
