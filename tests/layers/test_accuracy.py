"""Accuracy: ties, absent classes, ignored and impossible labels."""

import numpy as np
import pytest

from tests.layers.one_layer_net import gradients, one_layer, run
from zoo.errors import NetError


def net(body="", scores=(4, 3), labels=(4,), tops=1, **more):
    return one_layer("Accuracy", f"accuracy_param {{ {body} }}", [scores, labels], tops, **more)


@pytest.mark.parametrize("portable", [False, True])
def test_equal_scores_count_against_the_label(portable):
    scores = [[1, 1, 0], [2, 1, 0], [0, 0, 0], [0, 1, 1]]
    assert run(net(portable=portable), scores, [0, 0, 2, 0]) == 0.25
    assert run(net("top_k: 2", portable=portable), scores, [0, 0, 2, 0]) == 0.5
    assert run(net("top_k: 3", portable=portable), scores, [0, 0, 2, 0]) == 1


@pytest.mark.parametrize("portable", [False, True])
def test_per_class_without_the_absent_and_ignored(portable):
    scores = np.eye(4)[[0, 1, 1, 2, 3, 0]]
    built = net("ignore_label: 3", (6, 4), (6,), tops=2, portable=portable)
    share, each = run(built, scores, [0, 1, 0, 2, 3, 3])
    assert share == 0.75
    assert np.array_equal(each, [0.5, 1, 1, 0])


def test_nothing_left_is_zero():
    share, each = run(net("ignore_label: 1", tops=2), np.eye(4, 3), [1, 1, 1, 1])
    assert share == 0
    assert np.array_equal(each, [0, 0, 0])


def test_a_label_that_no_class_has_shows_as_nan():
    assert np.isnan(run(net(), np.eye(4, 3), [0, 1, 2, 3]))


@pytest.mark.parametrize(("axis", "labels"), [(1, (2, 4, 5)), (-1, (2, 3, 4)), (2, (2, 3, 1, 5))])
def test_axis(axis, labels):
    scores = np.random.default_rng(2).normal(size=(2, 3, 4, 5))
    truth = np.random.default_rng(3).integers(0, 3, labels)
    want = (scores.argmax(axis).reshape(-1) == truth.reshape(-1)).mean()
    assert 0 < want < 1
    assert run(net(f"axis: {axis}", (2, 3, 4, 5), labels), scores, truth) == pytest.approx(want)


def test_no_gradient_and_no_weight():
    built = net()
    assert not any(g.any() for g in gradients(built, np.eye(4, 3), [0, 1, 2, 0]))
    assert built.losses == ()


def test_top_k_beyond_the_classes():
    with pytest.raises(NetError, match="top_k exceeds the classes, got 4, want 3"):
        net("top_k: 4")
