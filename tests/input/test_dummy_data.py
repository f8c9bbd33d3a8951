"""DummyData: constants, and numbers drawn again for every batch."""

import numpy as np
import pytest

from tests.input.small_data import layer, take
from zoo.errors import NetError, UnsupportedError
from zoo.input.pipeline import data_layer


def feed(body, tops=("a", "b"), seed=0, name="d", phase="TRAIN"):
    names = " ".join(f'top: "{top}"' for top in tops)
    text = f'name: "{name}" type: "DummyData" {names} dummy_data_param {{ {body} }}'
    return data_layer(layer(text), phase, seed=seed)


SHAPES = "shape { dim: 3 dim: 2 dim: 4 dim: 5 } shape { dim: 3 dim: 7 } "


def test_constants():
    opened = feed(SHAPES + 'data_filler { value: 1.5 } data_filler { type: "constant" value: -2 }')
    assert opened.shapes == ((3, 2, 4, 5), (3, 7))
    for a, b in take(opened.dataset(4), 2):
        np.testing.assert_array_equal(a, np.full((3, 4, 5, 2), 1.5, np.float32))
        np.testing.assert_array_equal(b, np.full((3, 7), -2, np.float32))


def test_zeros_without_a_filler_and_old_sizes():
    opened = feed("num: 2 channels: 3 height: 4 height: 1 width: 5")
    assert opened.shapes == ((2, 3, 4, 5), (2, 3, 1, 5))
    a, b = take(opened.dataset(), 1)[0]
    assert a.shape == (2, 4, 5, 3) and b.shape == (2, 1, 5, 3) and not a.any() and not b.any()


def test_drawn_anew_for_every_batch_from_any_batch_on():
    body = SHAPES + 'data_filler { type: "gaussian" std: 2 mean: 3 } data_filler { type: "constant" value: 4 }'
    run = take(feed(body).dataset(), 6)
    values = np.stack([a for a, _ in run])
    assert len(np.unique(values)) > 700 and abs(values.mean() - 3) < 0.3 and abs(values.std() - 2) < 0.3
    assert all((b == 4).all() for _, b in run)
    for (a, _), (want, _) in zip(take(feed(body).dataset(3), 3), run[3:]):
        np.testing.assert_array_equal(a, want)
    for other in ({"seed": 1}, {"name": "e"}, {"phase": "TEST"}):
        assert (take(feed(body, **other).dataset(), 1)[0][0] != run[0][0]).any()


def test_tops_of_one_filler_differ():
    a, b = take(feed('shape { dim: 3 dim: 9 } data_filler { type: "uniform" min: -1 }').dataset(), 1)[0]
    assert (a != b).any() and a.min() >= -1 and a.max() <= 1


def test_planes_are_filled_as_caffe_sees_them():
    """positive_unitball sums to 1 over all but the first of Caffe's axes."""
    (a,) = take(
        feed('shape { dim: 3 dim: 2 dim: 4 dim: 5 } data_filler { type: "positive_unitball" }', ["a"]).dataset(), 1
    )[0]
    np.testing.assert_allclose(a.sum((1, 2, 3)), np.ones(3), rtol=1e-6)


@pytest.mark.parametrize(
    "body, error, said",
    [
        ("", NetError, "shape is set a wrong number of times"),
        (SHAPES + 'data_filler { type: "guassian" }', UnsupportedError, 'filler type "guassian".*did you mean'),
        (SHAPES + 'data_filler { type: "uniform" min: 2 }', NetError, "min above max"),
        (SHAPES + 'data_filler { type: "bilinear" }', NetError, "needs 4 axes, the last two alike"),
        (SHAPES + "data_filler {} data_filler {} data_filler {}", NetError, "got 3, want 1, or 2"),
    ],
)
def test_bad_layers(body, error, said):
    with pytest.raises(error, match=f'layer "d" .DummyData.: .*{said}'):
        feed(body)
