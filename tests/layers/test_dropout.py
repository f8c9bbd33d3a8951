"""Dropout: the mask, what it depends on, and its gradient."""

import numpy as np
import pytest

from tests.layers.one_layer_net import gradients, one_layer, run
from zoo.errors import NetError

ONES = np.ones((20, 5, 10, 10), np.float32)


def net(ratio=0.3, phase="TRAIN", shape=ONES.shape, **more):
    return one_layer("Dropout", f"dropout_param {{ dropout_ratio: {ratio} }}", [shape], phase=phase, **more)


def test_values_and_share():
    y = run(net(), ONES)
    assert np.allclose(np.unique(y), [0, 1 / 0.7])
    assert abs((y == 0).mean() - 0.3) < 0.02


def test_the_mask_follows_from_seed_and_clock():
    one, again, other = net(seed=1), net(seed=1), net(seed=2)
    first = run(one, ONES)
    assert np.array_equal(run(one, ONES), first)
    assert np.array_equal(run(again, ONES), first)
    assert not np.array_equal(run(other, ONES), first)
    one.clock.assign(7)
    seventh = run(one, ONES)
    assert not np.array_equal(seventh, first)
    again.clock.assign(7)
    assert np.array_equal(run(again, ONES), seventh)


def test_the_gradient_has_the_same_mask():
    built = net()
    x = np.random.default_rng(0).normal(size=ONES.shape)
    assert np.allclose(gradients(built, x)[0], run(built, ONES))
    assert np.allclose(run(built, x), x * run(built, ONES), atol=1e-6)


def test_two_layers_draw_different_masks():
    from zoo.converters.build import build
    from zoo.formats.prototxt import parse_net
    from zoo.netdef.net import net_def

    text = """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 500 } } }
    layer { name: "a" type: "Dropout" bottom: "x" top: "a" } layer { name: "b" type: "Dropout" bottom: "x" top: "b" }"""
    built = build(net_def(parse_net(text), "TRAIN"))
    values = built.run({built.inputs[0]: np.ones(500, np.float32)})
    a, b = (np.asarray(values[layer.definition.tops[0]]) for layer in built.layers[1:])
    assert 0.3 < (a == b).mean() < 0.7


def test_test_phase_and_ratio_zero_are_the_identity():
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    assert np.array_equal(run(net(phase="TEST", shape=(3, 4)), x), x)
    assert np.array_equal(run(net(0, shape=(3, 4)), x), x)


def test_portable_is_keras_dropout():
    model = net(portable=True, shape=(4, 500)).model()
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Dropout"]
    x = np.ones((4, 500), np.float32)
    assert np.array_equal(model([x], training=False), x)
    assert abs((np.asarray(model([x], training=True)) == 0).mean() - 0.3) < 0.05


def test_a_layer_with_its_own_train_phase_drops_in_a_test_net():
    built = one_layer("Dropout", "phase: TRAIN", [(4, 500)], phase="TEST")
    assert abs((run(built, np.ones((4, 500))) == 0).mean() - 0.5) < 0.05


@pytest.mark.parametrize("portable", [False, True])
def test_unscaled_in_train_as_fast_rcnn_has_it(portable):
    built = one_layer(
        "Dropout",
        "dropout_param { scale_train: false dropout_ratio: 0.3 }",
        [(4, 500)],
        phase="TRAIN",
        portable=portable,
    )
    x = np.ones((4, 500), np.float32)
    (y,) = [np.asarray(built.model()([x], training=True))] if portable else [run(built, x)]
    np.testing.assert_allclose(np.unique(y), [0, 1], atol=1e-6)
    assert abs((y == 0).mean() - 0.3) < 0.05
    if portable:
        np.testing.assert_allclose(built.model()([x], training=False), 0.7 * x, rtol=1e-6)


@pytest.mark.parametrize("portable", [False, True])
def test_drawn_in_test_as_segnet_has_it(portable):
    text = "dropout_param { sample_weights_test: true dropout_ratio: 0.25 }"
    built = one_layer("Dropout", text, [(4, 500)], phase="TEST", portable=portable)
    y, again = (run(built, np.ones((4, 500))) for _ in range(2))
    assert abs((y == 0).mean() - 0.25) < 0.05
    assert not np.array_equal(y, again)
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.75], rtol=1e-6)


def test_fields_of_two_forks_exclude_each_other():
    with pytest.raises(NetError, match="contradict each other, want one of them"):
        one_layer("Dropout", "dropout_param { sample_weights_test: true scale_train: false }", [(4, 5)])


@pytest.mark.parametrize("ratio", [1, -0.1, 1.5])
def test_what_is_no_probability(ratio):
    with pytest.raises(NetError, match=f"a probability below 1, got {ratio}"):
        net(ratio)
