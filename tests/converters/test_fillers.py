"""Fillers: distributions by their bounds and moments, deterministic ones by their numbers."""

import keras
import numpy as np
import pytest
from google.protobuf import text_format

from zoo.converters.fillers import fan, fill
from zoo.converters.keras_filler import CaffeFiller
from zoo.errors import NetError, Place, UnsupportedError
from zoo.formats import caffe_pb2


def filler(text):
    return text_format.Parse(text, caffe_pb2.FillerParameter())


def filled(text, shape, seed=3):
    return fill(filler(text), shape, np.random.default_rng(seed))


def test_nothing_said_is_zeros():
    array = fill(None, (2, 3), np.random.default_rng(0))
    assert array.dtype == np.float32
    assert np.array_equal(array, np.zeros((2, 3)))


def test_constant():
    assert np.array_equal(filled("value: -1.5", (3,)), np.full(3, -1.5, np.float32))
    assert filled("type: 'constant' value: 0.25", ()).shape == ()


def test_uniform_fills_its_range():
    array = filled("type: 'uniform' min: -2 max: 5", (50, 40))
    assert -2 <= array.min() < -1.9
    assert 4.9 < array.max() < 5


def test_gaussian():
    array = filled("type: 'gaussian' mean: 3 std: 0.5", (100, 100))
    assert abs(array.mean() - 3) < 0.02
    assert abs(array.std() - 0.5) < 0.01


def test_sparse_gaussian_keeps_sparse_of_the_first_dimension():
    array = filled("type: 'gaussian' mean: 100 std: 1 sparse: 5", (50, 400))
    assert abs((array != 0).mean() - 5 / 50) < 0.01
    assert array[array != 0].min() > 90


def test_positive_unitball_sums_to_one_an_output():
    array = filled("type: 'positive_unitball'", (4, 3, 2, 5))
    assert array.min() >= 0
    assert np.allclose(array.sum(axis=(1, 2, 3)), 1)


@pytest.mark.parametrize(
    ("norm", "shape", "n"),
    [
        ("FAN_IN", (6, 5, 3, 2), 30),
        ("FAN_OUT", (6, 5, 3, 2), 36),
        ("AVERAGE", (6, 5, 3, 2), 33),
        ("FAN_IN", (4, 7), 7),
        ("FAN_OUT", (4, 7), 4),
        ("FAN_OUT", (9,), 9),
        ("FAN_IN", (9,), 1),
        ("AVERAGE", (5, 4), 4.5),
    ],
)
def test_fans_divide_by_the_first_two_dimensions(norm, shape, n):
    assert fan(filler(f"variance_norm: {norm}"), shape) == n


def test_xavier_bounds():
    array = filled("type: 'xavier' variance_norm: FAN_OUT", (30, 20, 3, 2))
    bound = np.sqrt(3 / 180)
    assert 0.99 * bound < np.abs(array).max() <= bound
    assert abs(array.var() - 1 / 180) < 0.05 / 180


def test_msra_moments():
    array = filled("type: 'msra'", (40, 25, 3, 2))
    assert abs(array.var() - 2 / 150) < 0.05 * 2 / 150
    assert abs(array.mean()) < 0.01


def test_bilinear_of_four():
    line = np.array([0.25, 0.75, 0.75, 0.25])
    array = filled("type: 'bilinear'", (2, 1, 4, 4))
    assert np.allclose(array, np.broadcast_to(np.outer(line, line), (2, 1, 4, 4)))


def test_bilinear_of_three():
    line = np.array([0.5, 1.0, 0.5])
    assert np.allclose(filled("type: 'bilinear'", (1, 2, 3, 3))[0, 1], np.outer(line, line))


def test_the_generator_decides():
    assert np.array_equal(filled("type: 'xavier'", (3, 4)), filled("type: 'xavier'", (3, 4)))
    assert not np.array_equal(filled("type: 'xavier'", (3, 4)), filled("type: 'xavier'", (3, 4), seed=4))


def test_an_unknown_type_says_what_it_may_mean():
    with pytest.raises(UnsupportedError, match=r'net.prototxt:7.*"xaver".*did you mean "xavier"'):
        fill(filler("type: 'xaver'"), (3, 4), np.random.default_rng(0), at=Place("net.prototxt", 7))


@pytest.mark.parametrize(
    ("text", "shape", "match"),
    [
        ("type: 'bilinear'", (2, 1, 4, 3), "the last two alike"),
        ("type: 'bilinear'", (4, 4), "needs 4 axes"),
        ("type: 'xavier' sparse: 3", (4, 4), "cannot be sparse"),
        ("type: 'gaussian' sparse: 5", (4, 9), "got 5, want 0 to 4"),
        ("type: 'gaussian' std: 0", (4, 9), "std above 0"),
        ("type: 'uniform' min: 2 max: 1", (4,), "min above max"),
        ("type: 'msra'", (), "a scalar"),
        ("type: 'xavier'", (0, 4), "not empty"),
    ],
)
def test_what_a_filler_refuses(text, shape, match):
    with pytest.raises(NetError, match=match):
        filled(text, shape)


def test_as_a_keras_initializer():
    initializer = CaffeFiller("type: 'xavier' variance_norm: AVERAGE", seed=5)
    again = CaffeFiller.from_config(initializer.get_config())
    layer = keras.layers.Dense(4, kernel_initializer=again)
    layer.build((None, 6))
    want = filled("type: 'xavier' variance_norm: AVERAGE", (6, 4), seed=5)
    assert np.array_equal(layer.kernel.numpy(), want)
