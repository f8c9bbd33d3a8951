"""SoftmaxWithLoss where no recorded case goes: clamps, impossible labels, the second top, the normalisers by hand."""

import numpy as np
import pytest

from tests.layers.one_layer_net import gradients, one_layer, run
from zoo.errors import NetError

RNG = np.random.default_rng(5)
SCORES, LABELS = RNG.normal(size=(2, 3, 4, 5)) * 3, RNG.integers(0, 3, (2, 4, 5)).astype(np.float32)
FLT_MIN = np.finfo(np.float32).tiny


def softmax(x, axis=1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def net(body="", scores=(2, 3, 4, 5), labels=(2, 4, 5), tops=1, **more):
    return one_layer("SoftmaxWithLoss", body, [scores, labels], tops, **more)


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize(
    ("body", "ignore", "divisor"),
    [
        ("", None, 40),
        ("loss_param { normalization: FULL ignore_label: 2 }", 2, 40),
        ("loss_param { ignore_label: 2 }", 2, None),
        ("loss_param { normalization: BATCH_SIZE }", None, 2),
        ("loss_param { normalization: NONE }", None, 1),
        ("loss_param { normalize: false }", None, 2),
        ("loss_param { normalize: true ignore_label: 1 }", 1, None),
        ("loss_param { normalize: false normalization: FULL }", None, 40),
    ],
)
def test_normalisers(body, ignore, divisor, portable):
    kept = ignore != LABELS if ignore is not None else np.ones_like(LABELS, bool)
    divisor = kept.sum() if divisor is None else divisor
    p = softmax(SCORES)
    onehot = (LABELS[:, None] == np.arange(3).reshape(1, 3, 1, 1)).astype(float)
    built = net(body, portable=portable)
    want = -(np.log((p * onehot).sum(1)) * kept).sum() / divisor
    assert run(built, SCORES, LABELS) == pytest.approx(want, rel=1e-5)
    got, of_labels = gradients(built, SCORES, LABELS)
    assert np.allclose(got, (p - onehot) * kept[:, None] / divisor, atol=1e-7)
    assert not of_labels.any()


@pytest.mark.parametrize("portable", [False, True])
def test_a_hopeless_score_costs_log_flt_min_but_keeps_its_gradient(portable):
    scores = [[200.0, 0.0, -50.0], [0.0, 1.0, 2.0]]
    built = net(scores=(2, 3), labels=(2,), portable=portable)
    want = (-np.log(FLT_MIN) - np.log(softmax(np.array(scores))[1, 2])) / 2
    assert run(built, scores, [1, 2]) == pytest.approx(want, rel=1e-6)
    got, _ = gradients(built, scores, [1, 2])
    assert np.allclose(got[0], [0.5, -0.5, 0], atol=1e-7)


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("bad", [3, -1, 1e9])
def test_a_label_that_no_class_has_shows_as_nan(bad, portable):
    built = net(scores=(2, 3), labels=(2,), portable=portable)
    assert np.isnan(run(built, np.zeros((2, 3)), [1, bad]))


@pytest.mark.parametrize("ignore", [-1, 255])
def test_an_ignored_label_need_not_be_a_class(ignore):
    built = net(f"loss_param {{ ignore_label: {ignore} }}", scores=(2, 3), labels=(2,))
    assert run(built, np.zeros((2, 3)), [1, ignore]) == pytest.approx(np.log(3))
    assert np.allclose(gradients(built, np.zeros((2, 3)), [1, ignore])[0][1], 0)


def test_all_ignored_is_zero():
    built = net("loss_param { ignore_label: 1 }", scores=(2, 3), labels=(2,))
    assert run(built, np.ones((2, 3)), [1, 1]) == 0
    assert not gradients(built, np.ones((2, 3)), [1, 1])[0].any()


def test_labels_are_cut_toward_zero():
    built = net("loss_param { ignore_label: 0 }", scores=(2, 3), labels=(2,))
    assert run(built, [[0, 0, 0], [0, 1, 5]], [-0.9, 1.9]) == pytest.approx(
        -np.log(softmax(np.array([[0, 1, 5]])))[0, 1]
    )


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_second_top_is_the_softmax_and_passes_no_gradient(axis):
    labels = [n for i, n in enumerate((2, 3, 4, 5)) if i != axis % 4]
    built = net(f"softmax_param {{ axis: {axis} }} loss_weight: 1 loss_weight: 0", labels=labels, tops=2)
    zeros = np.zeros(labels)
    loss, p = run(built, SCORES, zeros)
    assert np.allclose(p, softmax(SCORES, axis), atol=1e-6)
    assert loss == pytest.approx(-np.log(softmax(SCORES, axis).take(0, axis)).mean(), rel=1e-5)
    assert not gradients(built, SCORES, zeros, top=1)[0].any()


def test_labels_as_one_channel_or_none_are_the_same():
    assert run(net(), SCORES, LABELS) == run(net(labels=(2, 1, 4, 5)), SCORES, LABELS[:, None])


@pytest.mark.parametrize(
    ("scores", "labels", "match"),
    [
        ((2, 3, 4, 5), (2, 4, 4), "32 labels, want 40 labels"),
        ((2, 3), (3,), "the same first dimension"),
        ((6,), (6,), "no such axis"),
    ],
)
def test_shapes_that_do_not_fit(scores, labels, match):
    with pytest.raises(NetError, match=match):
        net(scores=scores, labels=labels)


def test_default_weight_is_one():
    assert net().losses[0][1] == 1
    assert net("loss_weight: 0.25").losses[0][1] == 0.25
