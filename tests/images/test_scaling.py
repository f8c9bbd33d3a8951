"""zoo.images.scaling: values that are no numbers, and those near the largest float, as a net that overflows gives."""

import numpy as np
import pytest

from zoo.images import scaling

MOST = float(np.finfo(np.float32).max)


@pytest.mark.parametrize("values", [[-MOST, 0, MOST], [-np.inf, np.nan, np.inf]])
def test_the_largest_floats_overflow_nothing(values):
    values = np.array(values, np.float32)
    for scaled in (scaling.each(values[None])[0], scaling.together(values), scaling.signed(values)):
        np.testing.assert_allclose(scaled, [0, 0.5, 1], atol=1e-6)


def test_each_tile_has_its_own_range():
    tiles = np.array([[1, 3], [10, 20], [5, 5]], np.float32)
    assert scaling.each(tiles).tolist() == [[0, 1], [0, 1], [0, 0]]
