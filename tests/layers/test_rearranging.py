"""Layer types that join, cut, reshape and reduce: every axis and rank against NumPy in Caffe's order, and refusals."""

import numpy as np
import pytest

from tests.layers.one_layer_net import gradients, one_layer, run
from zoo.converters.build import build
from zoo.errors import NetError
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def

BOTH = pytest.mark.parametrize("portable", [False, True])
RNG = np.random.default_rng(3)
RANKS = [(5,), (3, 4), (2, 3, 4), (2, 3, 4, 5), (2, 3, 2, 4, 2)]
AXES = [(shape, axis) for shape in RANKS for axis in range(-len(shape), len(shape))]


@BOTH
@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_concat_and_slice_undo_each_other(shape, axis, portable):
    long = list(shape)
    long[axis] += 2
    parts = [RNG.normal(size=s) for s in (shape, long)]
    net = one_layer("Concat", f"concat_param {{ axis: {axis} }}", [shape, long], portable=portable)
    joined = run(net, *parts)
    assert np.array_equal(joined, np.concatenate(parts, axis).astype(np.float32))
    diff = RNG.normal(size=joined.shape)
    for got, want in zip(gradients(net, *parts, diff=diff), np.split(diff, [shape[axis]], axis)):
        assert np.allclose(got, want)
    body = f"slice_param {{ axis: {axis} slice_point: {shape[axis]} }}"
    cut = run(one_layer("Slice", body, [joined.shape], 2, portable=portable), joined)
    assert all(np.array_equal(got, want.astype(np.float32)) for got, want in zip(cut, parts))


@BOTH
def test_slice_into_equal_parts_by_the_legacy_field(portable):
    x = RNG.normal(size=(2, 6, 3, 4))
    tops = run(one_layer("Slice", "slice_param { slice_dim: 1 }", [x.shape], 3, portable=portable), x)
    assert all(np.allclose(got, want) for got, want in zip(tops, np.split(x, 3, 1)))


@BOTH
@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_tile_repeats_the_whole(shape, axis, portable):
    x = RNG.normal(size=shape)
    net = one_layer("Tile", f"tile_param {{ axis: {axis} tiles: 3 }}", [shape], portable=portable)
    assert np.allclose(run(net, x), np.concatenate([x] * 3, axis))


@BOTH
@pytest.mark.parametrize("operation", ["SUM", "ASUM", "SUMSQ", "MEAN"])
@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_reduction(shape, axis, operation, portable):
    x = RNG.normal(size=shape).astype(np.float32)
    x.flat[0] = 0
    flat = x.reshape(*shape[: axis % len(shape)], -1)
    want = {"SUM": flat, "ASUM": abs(flat), "SUMSQ": flat**2, "MEAN": flat / flat.shape[-1]}[operation].sum(-1)
    slope = {"SUM": 1, "ASUM": np.sign(x), "SUMSQ": 2 * x, "MEAN": 1 / flat.shape[-1]}[operation]
    body = f"reduction_param {{ operation: {operation} axis: {axis} coeff: -0.5 }}"
    net = one_layer("Reduction", body, [shape], portable=portable)
    got = run(net, x)
    assert got.shape == want.shape
    assert np.allclose(got, -0.5 * want, atol=1e-5)
    assert np.allclose(gradients(net, x)[0], -0.5 * slope * np.ones(shape), atol=1e-5)


@BOTH
@pytest.mark.parametrize(("start", "end"), [(0, -1), (0, 1), (0, 2), (1, -1), (1, 1), (1, 2), (2, -1), (2, 2), (3, 3)])
def test_flatten(start, end, portable):
    shape, stop = (2, 3, 4, 5), end % 4 + 1
    x = RNG.normal(size=shape)
    net = one_layer("Flatten", f"flatten_param {{ axis: {start} end_axis: {end} }}", [shape], portable=portable)
    assert np.allclose(run(net, x), x.reshape(*shape[:start], -1, *shape[stop:]))


def test_flatten_of_no_axis_inserts_one():
    net = one_layer("Flatten", "flatten_param { axis: 2 end_axis: 1 }", [(2, 3, 4)])
    assert run(net, np.ones((2, 3, 4))).shape == (2, 3, 1, 4)


@BOTH
@pytest.mark.parametrize(
    ("shape", "body", "want"),
    [
        ((2, 6, 4, 3), "shape { dim: 0 dim: 3 dim: 8 dim: -1 }", (2, 3, 8, 3)),
        ((2, 6, 4, 3), "shape { dim: -1 dim: 12 }", (12, 12)),
        ((2, 6, 4, 3), "shape { dim: 2 dim: 0 dim: 12 }", (2, 6, 12)),
        ((2, 6, 4, 3), "axis: 1 num_axes: 2 shape { dim: 24 }", (2, 24, 3)),
        ((2, 6, 4, 3), "axis: -1 num_axes: 0 shape { dim: 1 dim: 1 }", (2, 6, 4, 3, 1, 1)),
        ((2, 6, 4, 3), "axis: -3 num_axes: 1 shape { dim: 2 dim: 2 }", (2, 6, 2, 2, 3)),
        ((2, 6), "axis: 1 num_axes: 0 shape { dim: 1 dim: 1 }", (2, 1, 1, 6)),
        ((2, 12), "shape { dim: 0 dim: 3 dim: 2 dim: -1 }", (2, 3, 2, 2)),
        ((6,), "shape { dim: 1 dim: -1 }", (1, 6)),
    ],
)
def test_reshape(shape, body, want, portable):
    x = RNG.normal(size=shape)
    net = one_layer("Reshape", f"reshape_param {{ {body} }}", [shape], portable=portable)
    assert np.array_equal(run(net, x), x.reshape(want).astype(np.float32))


@pytest.mark.parametrize(
    "layer",
    [
        ("Flatten", ""),
        ("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 2 } }"),
        ("Reshape", "reshape_param { axis: 1 num_axes: 1 shape { dim: 3 dim: 2 } }"),
        ("Slice", "slice_param { axis: 2 }"),
        ("ArgMax", "argmax_param { top_k: 2 out_max_val: true }"),
        ("Reduction", "reduction_param { axis: 2 operation: MEAN }"),
        ("Tile", "tile_param { axis: 1 tiles: 2 }"),
    ],
)
def test_the_batch_may_be_of_another_size(layer):
    net = one_layer(*layer, bottoms=[(2, 6, 4, 3)])
    large = one_layer(*layer, bottoms=[(7, 6, 4, 3)])
    x = RNG.normal(size=(7, 6, 4, 3)).astype(np.float32)
    got = np.asarray(net.model(any_batch=True)([x.transpose(0, 2, 3, 1)]))
    want = run(large, x)
    assert np.array_equal(got, want.transpose(0, 2, 3, 1) if want.ndim == 4 else want)


@BOTH
def test_eltwise_max_gives_its_gradient_to_one_bottom(portable):
    a, b, c = np.array([[1, 1, 0, 2.0]]), np.array([[1, 0, 0, 1.0]]), np.array([[1, 1, 1, 2.0]])
    net = one_layer("Eltwise", "eltwise_param { operation: MAX }", [(1, 4)] * 3, portable=portable)
    assert np.array_equal(run(net, a, b, c), [[1, 1, 1, 2]])
    assert np.array_equal(np.concatenate(gradients(net, a, b, c)), [[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0]])


@BOTH
def test_eltwise_weighted_sum_and_product(portable):
    x = [RNG.normal(size=(2, 3, 4, 5)) for _ in range(3)]
    body = "eltwise_param { coeff: -1 coeff: 0.5 coeff: 1 }"
    net = one_layer("Eltwise", body, [(2, 3, 4, 5)] * 3, portable=portable)
    assert np.allclose(run(net, *x), -x[0] + 0.5 * x[1] + x[2], atol=1e-6)
    assert [g.flat[0] for g in gradients(net, *x)] == [-1, 0.5, 1]
    net = one_layer("Eltwise", "eltwise_param { operation: PROD }", [(2, 3, 4, 5)] * 3, portable=portable)
    assert np.allclose(run(net, *x), x[0] * x[1] * x[2], atol=1e-6)


def test_product_of_zeros_has_its_true_gradient():
    net = one_layer("Eltwise", "eltwise_param { operation: PROD stable_prod_grad: false }", [(1, 2)] * 2)
    assert np.array_equal(np.concatenate(gradients(net, [[0, 2]], [[3, 0]])), [[3, 0], [0, 2]])


@BOTH
@pytest.mark.parametrize(
    ("body", "want"),
    [
        ("top_k: 2", [[[2, 0]], [[3, 1]]]),
        ("top_k: 2 out_max_val: true", [[[2, 0], [5, 5]], [[3, 1], [1, 0]]]),
        ("top_k: 2 axis: 1", [[2, 0], [3, 1]]),
        ("top_k: 2 axis: -1 out_max_val: true", [[5, 5], [1, 0]]),
        ("axis: 0", [[0, 1, 0, 1]]),
    ],
)
def test_argmax_prefers_the_higher_index(body, want, portable):
    x = [[5, 0, 5, -1], [0, 0, -2, 1]]
    net = one_layer("ArgMax", f"argmax_param {{ {body} }}", [(2, 4)], portable=portable)
    assert np.array_equal(run(net, x), want)
    assert not gradients(net, x)[0].any()


@BOTH
def test_silence_and_split(portable):
    x = RNG.normal(size=(2, 3))
    assert one_layer("Silence", bottoms=[(2, 3)] * 2, tops=0, portable=portable).outputs() == ()
    net = one_layer("Split", tops=3, portable=portable)
    assert all(np.allclose(y, x) for y in run(net, x))


@BOTH
def test_embed_and_batch_reindex_show_a_number_that_is_not_there(portable):
    net = one_layer("Embed", "embed_param { num_output: 2 input_dim: 3 }", [(2, 4)], portable=portable)
    weight, bias = net.learnable()
    weight.assign([[1, 2], [3, 4], [5, 6]])
    bias.assign([10, 20])
    y = run(net, [[0, 1, 2, 0], [3, -1, 2.9, 1]])
    assert np.array_equal(y[0], [[11, 22], [13, 24], [15, 26], [11, 22]])
    assert np.array_equal(y[1, 2:], [[15, 26], [13, 24]])
    assert np.isnan(y[1, :2]).all()
    net = one_layer("BatchReindex", bottoms=[(2, 3, 1, 2), (4,)], portable=portable)
    x = RNG.normal(size=(2, 3, 1, 2)).astype(np.float32)
    y = run(net, x, [1, 1, 2, -1])
    assert np.array_equal(y[:2], x[[1, 1]])
    assert np.isnan(y[2:]).all()
    assert np.array_equal(gradients(net, x, [1, 1, 0, 1])[0], np.broadcast_to([[[[1.0]]], [[[3.0]]]], x.shape))


@BOTH
def test_filter_passes_the_gradient_of_what_it_keeps(portable):
    net = one_layer("Filter", bottoms=[(4, 2, 1, 3), (4, 2), (4, 1)], tops=2, portable=portable)
    x, y, chosen = RNG.normal(size=(4, 2, 1, 3)), RNG.normal(size=(4, 2)), np.array([[0], [1], [-2], [0]])
    of_x, of_y = run(net, x, y, chosen)
    assert np.allclose(of_x, x[1:3])
    assert np.allclose(of_y, y[1:3])
    assert np.array_equal(gradients(net, x, y, chosen, top=1)[1], [[0, 0], [1, 1], [1, 1], [0, 0]])
    assert run(net, x, y, np.zeros((4, 1)))[0].shape == (0, 2, 1, 3)


@BOTH
@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4, 5), (2, 3, 4, 5, 6)])
def test_parameter_of_any_rank(shape, portable):
    dims = " ".join(f"dim: {dim}" for dim in shape)
    body = f"parameter_param {{ shape {{ {dims} }} }}"
    text = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 2 } } }'
    text += f'layer {{ name: "l" type: "Parameter" top: "p" {body} }}'
    net = build(net_def(parse_net(text), "TEST"), portable=portable)
    array = RNG.normal(size=shape).astype(np.float32)
    (parameter,) = net.learnable()
    parameter.assign(array)
    assert np.array_equal(run(net, np.full((2, 2), np.nan)), array)
    model = net.model([net.layers[-1].definition.tops[0]])
    value = np.asarray(model([np.full((2, 2), np.nan, np.float32)]))
    assert np.array_equal(value.transpose(0, 3, 1, 2) if len(shape) == 4 else value, array)


@pytest.mark.parametrize(
    ("type_", "body", "bottoms", "tops", "match"),
    [
        ("Eltwise", "", [(2, 3), (2, 1)], 1, r"the same shape, got \(2, 1\), want \(2, 3\)"),
        ("Eltwise", "eltwise_param { operation: PROD coeff: 1 coeff: 1 }", [(2, 3)] * 2, 1, "takes no coeff"),
        ("Eltwise", "eltwise_param { coeff: 1 }", [(2, 3)] * 2, 1, "each bottom needs a coeff, got 1, want 2"),
        ("Eltwise", "", [(2, 3)], 1, "wrong number of bottoms, got 1, want 2 or more"),
        ("Concat", "", [(2, 3), (3, 3)], 1, "bottoms may differ only in axis 1"),
        ("Concat", "concat_param { axis: 1 concat_dim: 1 }", [(2, 3)], 1, "exclude each other"),
        ("Concat", "concat_param { axis: 2 }", [(2, 3)], 1, "no such axis, got 2"),
        ("Slice", "slice_param { slice_point: 3 slice_point: 2 }", [(2, 6)], 3, "out of order"),
        ("Slice", "slice_param { slice_point: 6 }", [(2, 6)], 2, "out of order"),
        ("Slice", "slice_param { slice_point: 6 }", [(2, 6)], 3, "all tops but one, got 1, want 2"),
        ("Slice", "", [(2, 5)], 2, "cannot be split into 2"),
        ("Flatten", "flatten_param { axis: 2 end_axis: 0 }", [(2, 3, 4)], 1, "comes after end_axis"),
        ("Reshape", "reshape_param { shape { dim: -1 dim: -1 } }", [(2, 3)], 1, "-1 once"),
        ("Reshape", "reshape_param { shape { dim: 0 dim: 0 dim: 0 } }", [(2, 3)], 1, "no axis to copy"),
        ("Reshape", "reshape_param { shape { dim: 4 dim: -1 } }", [(2, 3)], 1, "cannot be inferred"),
        ("Reshape", "reshape_param { shape { dim: 4 dim: 2 } }", [(2, 3)], 1, "number of values changes"),
        ("Reshape", "reshape_param { axis: 3 shape { dim: 1 } }", [(2, 3)], 1, "no such axis"),
        ("Reshape", "reshape_param { axis: 1 num_axes: 2 shape { dim: 3 } }", [(2, 3)], 1, "goes past the last axis"),
        ("Tile", "tile_param { axis: 1 }", [(2, 3)], 1, "tiles must be given"),
        ("ArgMax", "argmax_param { top_k: 4 }", [(2, 3)], 1, "top_k exceeds the values, got 4, want up to 3"),
        ("ArgMax", "argmax_param { top_k: 0 }", [(2, 3)], 1, "must be positive"),
        ("Embed", "embed_param { num_output: 2 }", [(2, 3)], 1, "input_dim must be given"),
        ("BatchReindex", "", [(2, 3), (2, 1)], 1, "a vector of their indices"),
        ("Filter", "", [(2, 3), (2, 3)], 1, "one value an item"),
        ("Filter", "", [(2, 3), (3,)], 1, "as many items as the selector"),
        ("Reduction", "reduction_param { axis: 2 }", [(2, 3)], 1, "no such axis"),
        ("Softmax", "softmax_param { axis: -3 }", [(2, 3)], 1, "no such axis"),
    ],
)
def test_what_is_refused(type_, body, bottoms, tops, match):
    with pytest.raises(NetError, match=rf'layer "layer" \({type_}\): .*{match}'):
        one_layer(type_, body, bottoms, tops)
