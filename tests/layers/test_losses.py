"""The other losses, at the points where Caffe's gradient is not the derivative, and what they refuse."""

import numpy as np
import pytest

from tests.layers.one_layer_net import gradients, one_layer, run
from zoo.errors import DataError, NetError, UnsupportedError
from zoo.formats import caffe_pb2

BOTH = pytest.mark.parametrize("portable", [False, True])
RNG = np.random.default_rng(11)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@BOTH
@pytest.mark.parametrize(
    ("body", "ignore", "divisor"),
    [
        ("", None, 3),
        ("normalization: FULL", None, 12),
        ("normalization: VALID ignore_label: 2", 2, 10),
        ("normalization: VALID", None, 12),
        ("ignore_label: 2", 2, 3),
        ("normalize: true ignore_label: 2", 2, 10),
        ("normalize: false", None, 3),
        ("normalization: NONE", None, 1),
    ],
)
def test_sigmoid_cross_entropy_normalisers(body, ignore, divisor, portable):
    x = np.concatenate([[0, -60, 60, -0.0], RNG.normal(size=8)]).reshape(3, 2, 2)
    t = RNG.uniform(size=(3, 2, 2))
    t[1, 0], t[2, 1, 1] = (2.5, 0.3), 2.0
    kept = np.ones_like(t, bool) if ignore is None else t.astype(int) != ignore
    net = one_layer("SigmoidCrossEntropyLoss", f"loss_param {{ {body} }}", [(3, 2, 2)] * 2, portable=portable)
    each = np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x)))
    assert run(net, x, t) == pytest.approx((each * kept).sum() / divisor, rel=1e-5)
    of_x, of_t = gradients(net, x, t)
    assert np.allclose(of_x, (sigmoid(x) - t) * kept / divisor, atol=1e-6)
    assert not of_t.any()


def test_sigmoid_cross_entropy_takes_targets_of_another_shape_in_caffes_order():
    x, t = RNG.normal(size=(2, 3, 4, 5)), RNG.uniform(size=(2, 3, 4, 5))
    same = one_layer("SigmoidCrossEntropyLoss", "", [(2, 3, 4, 5)] * 2)
    flat = one_layer("SigmoidCrossEntropyLoss", "", [(2, 3, 4, 5), (2, 60)])
    assert run(flat, x, t.reshape(2, 60)) == pytest.approx(run(same, x, t), rel=1e-6)


@BOTH
@pytest.mark.parametrize("shape", [(4,), (4, 3), (2, 3, 4, 5)])
def test_euclidean(shape, portable):
    a, b = RNG.normal(size=shape), RNG.normal(size=shape)
    net = one_layer("EuclideanLoss", "", [shape] * 2, portable=portable)
    assert run(net, a, b) == pytest.approx(((a - b) ** 2).sum() / 2 / shape[0], rel=1e-5)
    of_a, of_b = gradients(net, a, b)
    assert np.allclose(of_a, (a - b) / shape[0], atol=1e-6)
    assert np.allclose(of_b, (b - a) / shape[0], atol=1e-6)


def test_euclidean_pairs_values_in_caffes_order():
    a, b = RNG.normal(size=(2, 3, 4, 5)), RNG.normal(size=(2, 60))
    net = one_layer("EuclideanLoss", "", [(2, 3, 4, 5), (2, 60)])
    assert run(net, a, b) == pytest.approx(((a.reshape(2, 60) - b) ** 2).sum() / 4, rel=1e-5)


@BOTH
@pytest.mark.parametrize("norm", ["L1", "L2"])
def test_hinge_over_an_items_values_in_caffes_order(norm, portable):
    x, label = RNG.normal(size=(2, 3, 2, 2)) * 2, [7, 2]
    sign = 2 * np.eye(12)[label].reshape(x.shape) - 1
    margin = np.maximum(0, 1 - sign * x)
    net = one_layer("HingeLoss", f"hinge_loss_param {{ norm: {norm} }}", [x.shape, (2,)], portable=portable)
    assert run(net, x, label) == pytest.approx((margin if norm == "L1" else margin**2).sum() / 2, rel=1e-5)
    slope = (margin > 0) if norm == "L1" else 2 * margin
    assert np.allclose(gradients(net, x, label)[0], -sign * slope / 2, atol=1e-6)


def test_hinge_on_the_margin_has_no_gradient():
    net = one_layer("HingeLoss", "", [(1, 2), (1,)])
    assert np.array_equal(gradients(net, [[1, -1]], [0])[0], [[0, 0]])


@BOTH
def test_contrastive_divides_by_the_distance_and_a_little(portable):
    a = np.array([[3, 4], [0.3, 0.4], [1e-4, 0], [1, 1], [2, 0]], np.float32)
    b, similar = np.zeros((5, 2), np.float32), [1, 0, 0, 0, 0.9]  # 0.9 is cut to 0
    net = one_layer(
        "ContrastiveLoss", "contrastive_loss_param { margin: 1.2 }", [(5, 2), (5, 2), (5,)], portable=portable
    )
    d = np.sqrt((a.astype(np.float64) ** 2).sum(1))
    far = np.maximum(1.2 - d, 0)
    assert run(net, a, b, similar) == pytest.approx((25 + (far[1:] ** 2).sum()) / 10, rel=1e-5)
    slope = np.where(np.arange(5) == 0, 1, -far / (d + 1e-4))[:, None] * a / 5
    of_a, of_b, of_similar = gradients(net, a, b, similar)
    assert np.allclose(of_a, slope, rtol=1e-4, atol=1e-7)
    assert np.array_equal(of_b, -of_a)
    assert not of_similar.any()


@BOTH
def test_contrastive_of_equal_pairs_is_finite(portable):
    net = one_layer("ContrastiveLoss", "", [(2, 3), (2, 3), (2,)], portable=portable)
    a = np.ones((2, 3))
    assert run(net, a, a, [0, 1]) == pytest.approx(0.25)
    assert not gradients(net, a, a, [0, 1])[0].any()


@BOTH
def test_multinomial_logistic_clamps_the_log_and_its_gradient(portable):
    p = np.array([[0.2, 0.8], [0, 1], [0.5, 0.5]], np.float32)
    net = one_layer("MultinomialLogisticLoss", "", [(3, 2), (3,)], portable=portable)
    assert run(net, p, [1, 0, 0]) == pytest.approx(-(np.log(0.8) + np.log(1e-20) + np.log(0.5)) / 3, rel=1e-5)
    want = [[0, -1 / 0.8 / 3], [-1e20 / 3, 0], [-2 / 3, 0]]
    assert np.allclose(gradients(net, p, [1, 0, 0])[0], want, rtol=1e-5)


@BOTH
def test_infogain_by_the_plane_with_an_ignored_label(portable):
    x, h = RNG.normal(size=(2, 3, 2, 4)), RNG.uniform(size=(3, 3))
    x[0, 0, 0, 0] = 150  # the others fall below 1e-20
    label = RNG.integers(0, 3, (2, 2, 4))
    body = "loss_param { ignore_label: 1 } loss_weight: 1 loss_weight: 0"
    net = one_layer("InfogainLoss", body, [x.shape, label.shape, (1, 1, 3, 3)], 2, portable=portable)
    p = np.exp(x - x.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    kept = (label != 1)[:, None]
    rows = h[label].transpose(0, 3, 1, 2)
    loss, probabilities = run(net, x, label, h[None, None])
    assert loss == pytest.approx(-(rows * np.log(np.maximum(p, 1e-20)) * kept).sum() / kept.sum(), rel=1e-5)
    assert np.allclose(probabilities, p, atol=1e-6)
    of_x, _, of_h = gradients(net, x, label, h[None, None])
    assert np.allclose(of_x, (p * rows.sum(1, keepdims=True) - rows) * kept / kept.sum(), atol=1e-6)
    assert not of_h.any()


def infogain_file(folder, array):
    blob = caffe_pb2.BlobProto(data=array.reshape(-1))
    blob.shape.dim.extend(array.shape)
    (folder / "h.binaryproto").write_bytes(blob.SerializeToString())
    return f'infogain_loss_param {{ source: "{folder}/h.binaryproto" }}'


@BOTH
def test_infogain_from_a_file(tmp_path, portable):
    h = RNG.uniform(size=(3, 3)).astype(np.float32)
    net = one_layer("InfogainLoss", infogain_file(tmp_path, h), [(2, 3), (2,)], portable=portable)
    want = (h[0].sum() + h[2].sum()) * np.log(3) / 2
    assert run(net, np.zeros((2, 3)), [0, 2]) == pytest.approx(want, rel=1e-6)


def test_infogain_refusals(tmp_path):
    with pytest.raises(NetError, match="9 x 9 values|3 x 3 values"):
        one_layer("InfogainLoss", infogain_file(tmp_path, np.eye(2)), [(2, 3), (2,)])
    with pytest.raises(DataError, match="not there, got nowhere.binaryproto"):
        one_layer("InfogainLoss", 'infogain_loss_param { source: "nowhere.binaryproto" }', [(2, 3), (2,)])
    with pytest.raises(NetError, match="must be bottom 2 or in the file"):
        one_layer("InfogainLoss", "", [(2, 3), (2,)])
    with pytest.raises(NetError, match="use normalization"):
        one_layer("InfogainLoss", "loss_param { normalize: true }", [(2, 3), (2,), (3, 3)])


@BOTH
@pytest.mark.parametrize("type_", ["HingeLoss", "MultinomialLogisticLoss", "InfogainLoss"])
def test_a_label_that_no_class_has_shows_as_nan(type_, portable):
    bottoms = [(2, 3), (2,)] + ([(3, 3)] if type_ == "InfogainLoss" else [])
    net = one_layer(type_, "", bottoms, portable=portable)
    assert net.layers[-1].type.lookups(bottoms) == {1: (3, None)}
    assert np.isnan(run(net, np.full((2, 3), 0.3), [0, 3], *([np.eye(3)] * (len(bottoms) - 2))))


@pytest.mark.parametrize(
    ("type_", "bottoms", "match"),
    [
        ("EuclideanLoss", [(2, 3), (2, 4)], "items of the same size"),
        ("EuclideanLoss", [(2, 3), (3, 3)], "the same first dimension"),
        ("HingeLoss", [(2, 3), (2, 2)], "one label per item"),
        ("MultinomialLogisticLoss", [(2, 3), (2, 2)], "one label per item"),
        ("SigmoidCrossEntropyLoss", [(2, 3), (2, 4)], "the same number of values"),
        ("ContrastiveLoss", [(2, 3), (2, 4), (2,)], r"\(N, C\)"),
        ("ContrastiveLoss", [(2, 3, 2, 1), (2, 3, 2, 1), (2,)], r"\(N, C\)"),
        ("ContrastiveLoss", [(2, 3), (2, 3), (2, 2)], "one similarity per pair"),
    ],
)
def test_shapes_that_do_not_fit(type_, bottoms, match):
    with pytest.raises(NetError, match=match):
        one_layer(type_, "", bottoms)


def test_a_normalization_of_r_fcn_is_refused_where_the_type_does_not_know_it():
    body = "loss_param { normalization: PRE_FIXED }"
    with pytest.raises(NetError, match="no such normalization"):
        one_layer("SigmoidCrossEntropyLoss", body, [(3, 4), (3, 4)])


def test_the_loss_of_flownet_is_refused_by_name():
    for body, bottoms in (("l1_loss_param { epsilon: 1 }", 2), ("", 1)):
        with pytest.raises(UnsupportedError, match="L1Loss as in FlowNet"):
            one_layer("L1Loss", body, [(3, 4)] * bottoms)


@pytest.mark.parametrize(
    ("body", "bottoms", "tops", "variant"),
    [
        ("", 2, 1, "ssd"),
        ("smooth_l1_loss_param { sigma: 1 }", 2, 1, "frcnn"),
        ("", 4, 1, "frcnn"),
        ("", 3, 1, "rfcn"),
        ("loss_param { normalization: NONE }", 2, 1, "rfcn"),
        ("loss_weight: 1 loss_weight: 0", 2, 2, "rfcn"),
    ],
)
def test_which_smooth_l1_loss_is_meant(body, bottoms, tops, variant):
    net = one_layer("SmoothL1Loss", body, [(3, 4)] * bottoms, tops=tops)
    assert net.definition.layers[-1].variant == variant


def test_smooth_l1_loss_of_fast_r_cnn_counts_nothing_unless_it_is_told_to():
    assert one_layer("SmoothL1Loss", "smooth_l1_loss_param { sigma: 3 }", [(3, 4)] * 2).losses == ()
    ((_, weight),) = one_layer("SmoothL1Loss", "", [(3, 4)] * 2).losses
    assert weight == 1


@BOTH
@pytest.mark.parametrize("type_", ["SmoothL1Loss", "SmoothL1LossOHEM"])
def test_the_gradient_of_r_fcns_smooth_l1_loss_leaves_its_weight_out(type_, portable):
    a, b, w = RNG.normal(size=(2, 3, 4)) * 2, RNG.normal(size=(2, 3, 4)), RNG.uniform(0, 2, (2, 3, 4))
    net = one_layer(type_, "loss_weight: 1", [(2, 3, 4)] * 3, portable=portable)
    d = w * (a - b)
    assert run(net, a, b, w) == pytest.approx(np.where(abs(d) < 1, d * d / 2, abs(d) - 0.5).sum() / 8, rel=1e-5)
    want = np.where(abs(d) < 1, d, np.sign(d)) / 8  # smooth_L1_loss_ohem_layer.cpp:199-229
    for got, sign in zip(gradients(net, a, b, w), (1, -1, 0), strict=True):
        assert np.allclose(got, sign * want, atol=1e-6)


def test_three_bottoms_are_not_fast_r_cnns():
    with pytest.raises(NetError, match="has fields of several"):
        one_layer("SmoothL1Loss", "smooth_l1_loss_param { sigma: 3 }", [(3, 4)] * 3)


def test_a_class_weight_for_each_class():
    for weights, message in (("", "needs class_weighting"), ("class_weighting: 1", "once for each class")):
        with pytest.raises(NetError, match=message):
            one_layer("SoftmaxWithLoss", f"loss_param {{ weight_by_label_freqs: true {weights} }}", [(3, 4), (3,)])


def test_class_weights_where_every_label_is_ignored():
    body = "loss_param { normalize: true ignore_label: 1 weight_by_label_freqs: true class_weighting: [1, 2] }"
    net = one_layer("SoftmaxWithLoss", body, [(2, 2), (2,)])
    assert np.isnan(run(net, np.zeros((2, 2)), np.ones(2)))  # 0/0, as in SegNet
    assert np.isnan(gradients(net, np.zeros((2, 2)), np.ones(2))[0]).all()  # 0 * 1/0
