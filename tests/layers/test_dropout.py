"""Dropout: the mask, what it depends on, and its gradient."""

import numpy as np
import pytest

from tests.layers.one_layer import forward, gradients, one_layer
from zoo.errors import NetError

ONES = np.ones((20, 5, 10, 10), np.float32)


def net(ratio=0.3, phase="TRAIN", shape=ONES.shape, **more):
    return one_layer("Dropout", f"dropout_param {{ dropout_ratio: {ratio} }}", [shape], phase=phase, **more)


def test_values_and_share():
    y = forward(net(), ONES)
    assert np.allclose(np.unique(y), [0, 1 / 0.7])
    assert abs((y == 0).mean() - 0.3) < 0.02


def test_the_mask_follows_from_seed_and_clock():
    one, again, other = net(seed=1), net(seed=1), net(seed=2)
    first = forward(one, ONES)
    assert np.array_equal(forward(one, ONES), first)
    assert np.array_equal(forward(again, ONES), first)
    assert not np.array_equal(forward(other, ONES), first)
    one.clock.assign(7)
    seventh = forward(one, ONES)
    assert not np.array_equal(seventh, first)
    again.clock.assign(7)
    assert np.array_equal(forward(again, ONES), seventh)


def test_the_gradient_has_the_same_mask():
    built = net()
    x = np.random.default_rng(0).normal(size=ONES.shape)
    assert np.allclose(gradients(built, x)[0], forward(built, ONES))
    assert np.allclose(forward(built, x), x * forward(built, ONES), atol=1e-6)


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
    assert np.array_equal(forward(net(phase="TEST", shape=(3, 4)), x), x)
    assert np.array_equal(forward(net(0, shape=(3, 4)), x), x)


def test_portable_is_keras_dropout():
    model = net(portable=True, shape=(4, 500)).model()
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Dropout"]
    x = np.ones((4, 500), np.float32)
    assert np.array_equal(model([x], training=False), x)
    assert abs((np.asarray(model([x], training=True)) == 0).mean() - 0.3) < 0.05


def test_a_layer_with_its_own_train_phase_drops_in_a_test_net():
    built = one_layer("Dropout", "phase: TRAIN", [(4, 500)], phase="TEST")
    assert abs((forward(built, np.ones((4, 500))) == 0).mean() - 0.5) < 0.05


@pytest.mark.parametrize("ratio", [1, -0.1, 1.5])
def test_what_is_no_probability(ratio):
    with pytest.raises(NetError, match=f"a probability below 1, got {ratio}"):
        net(ratio)
