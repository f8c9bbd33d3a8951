"""Values of any range -> brightness, 0 (black) to 1 (white)."""

import numpy as np


def each(tiles):
    """Returns tiles (N, ...) as float32, each from its least value, 0, to its largest, 1; a flat tile is 0."""
    tiles = finite(tiles)
    axes = tuple(range(1, tiles.ndim))
    low = tiles.min(axis=axes, keepdims=True)
    return (tiles - low) / np.maximum(tiles.max(axis=axes, keepdims=True) - low, 1e-12)


def together(values, low=None, high=None):
    """Returns `values` as float32 in 0..1: `low` and below is 0, `high` and above is 1.

    Args:
        values: an array of any shape.
        low, high: numbers; None for the least and the largest value.
    """
    values = finite(values)
    low = float(values.min()) if low is None else low
    high = float(values.max()) if high is None else high
    return np.clip((values - low) / max(high - low, 1e-12), 0, 1).astype(np.float32)


def signed(values, most=None):
    """Returns `values` as float32 in 0..1, where 0.5 is zero and both ends are equally far from it.

    Args:
        values: an array of any shape.
        most: the magnitude that is 0 and 1; None for the largest there is.
    """
    values = finite(values)
    most = float(np.abs(values).max()) if most is None else most
    return np.clip(values / max(2 * most, 1e-12) + 0.5, 0, 1).astype(np.float32)


def finite(values):
    """Returns `values` as float32 with 0 for what is no number; none is further from 0 than half the largest float.

    So the difference of any two of them is a number.
    """
    most = float(np.finfo(np.float32).max) / 2
    return np.clip(np.nan_to_num(np.asarray(values, np.float32)), -most, most)
