"""Maps as colours, and over images."""

import numpy as np

from zoo.images import heat


def test_the_colours_of_a_signed_map_are_blue_grey_and_red():
    low, middle, high = heat.colours(np.array([0, 0.5, 1]), heat.SIGNED)
    assert low[2] > 2 * low[0] and high[0] > 2 * high[2]
    assert np.ptp(middle) < 0.02


def test_a_map_lies_where_it_is_large():
    image = np.full((40, 60, 3), 0.5, np.float32)
    values = np.zeros((4, 6))
    values[1, 4] = 7
    drawn = heat.over(image, values)
    assert drawn.shape == (40, 60, 3) and drawn.dtype == np.float32
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    warm = drawn[..., 0] - drawn[..., 2]
    y, x = np.unravel_index(warm.argmax(), warm.shape)
    assert 10 <= y < 20 and 40 <= x < 50


def test_nothing_over_an_image_is_the_image_in_grey():
    image = np.random.default_rng(0).random((5, 6, 3), np.float32)
    drawn = heat.over(image, np.ones((2, 2)), strength=0)
    np.testing.assert_allclose(drawn, np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2))
