"""Pooling of (N,H,W,C) tensors by Caffe's windows, for the layers that pool: Pooling, SPP and LRN."""

import itertools

import numpy as np

from zoo.layers.base.geometry import cover, pool_divisors, same_is_exact
from zoo.layers.base.lazy import keras, ops

FLT_MAX = float(np.finfo(np.float32).max)


class PoolGrid:
    """The windows of one pooling of a plane.

    Args:
        sizes: (H, W).
        windows: a `geometry.Window` for each.
        outs: (H', W').
        counted: whether AVE counts padding.

    Attributes:
        pads: (before, after) for each axis, with which all windows lie inside.
        empty: whether some window lies outside the plane, as happens where the stride is larger than the kernel.
    """

    def __init__(self, sizes, windows, outs, counted=True):
        self.sizes, self.windows, self.outs, self.counted = sizes, windows, outs, counted
        self.pads = [cover(*axis) for axis in zip(sizes, windows, outs)]
        self.same = all(same_is_exact(*axis) for axis in zip(sizes, windows, outs))
        self.empty = any((out - 1) * w.stride - w.pad >= size for size, w, out in zip(sizes, windows, outs))
        self.whole = all(size == w.kernel and out == 1 for size, w, out in zip(sizes, windows, outs))
        self.padded = any(before or after for before, after in self.pads)
        self.kernel = tuple(w.kernel for w in windows)
        self.strides = tuple(w.stride for w in windows)

    def pad(self, x, value=0.0):
        """Returns x with `value` around it, so that every window lies inside."""
        return ops.pad(x, [(0, 0), *self.pads, (0, 0)], constant_values=value) if self.padded else x

    def taps(self, x):
        """Returns a list of ((row, column) in the kernel, tensor (N,H',W',C) of what all windows have there).

        Args:
            x: padded by `pad`.
        """
        spans = [(out - 1) * stride + 1 for out, stride in zip(self.outs, self.strides)]
        (high, wide), (down, right) = spans, self.strides
        return [
            ((i, j), x[:, i : i + high : down, j : j + wide : right])
            for i, j in itertools.product(*map(range, self.kernel))
        ]


def lowest(x):
    """What Caffe's maximum starts from; in half precision, which has no such number, minus infinity."""
    return -FLT_MAX if keras.backend.standardize_dtype(x.dtype) in ("float32", "float64") else -float("inf")


def _pool(x, grid, layer, operation, padding):
    """Pools by the Keras layer in a graph, by the operation on arrays.

    A saved file gives an operation its sizes back as lists, which the JAX backend does not take; layers mend them.
    """
    if isinstance(x, keras.KerasTensor):
        return layer(grid.kernel, grid.strides, padding, data_format="channels_last")(x)
    return operation(x, grid.kernel, grid.strides, padding, data_format="channels_last")


def max_pool(x, grid):
    """Returns the maximum of each window, -FLT_MAX for an empty one (pooling_layer.cpp:153-200)."""
    padding = "valid"
    if grid.padded and grid.same and not grid.empty:
        padding = "same"
    else:
        x = grid.pad(x, lowest(x))
    return _pool(x, grid, keras.layers.MaxPooling2D, ops.max_pool, padding)


def max_mask(x, grid):
    """Returns as float32 where each maximum lies: row * W + column of the first; -1 for an empty window."""
    x = grid.pad(ops.stop_gradient(x), lowest(x))
    (rows, columns), (down, right) = grid.outs, grid.strides
    top, left = (w.pad for w in grid.windows)
    width = grid.sizes[1]
    corner = (np.arange(rows) * down - top)[:, None] * width + np.arange(columns) * right - left
    corner = corner.astype(np.float32)[None, :, :, None]
    best = where = None
    for (i, j), value in grid.taps(x):
        if best is None:
            best = ops.full_like(value, lowest(value))
            where = ops.cast(ops.full_like(value, -1), "float32")
        higher = ops.greater(value, best)
        best = ops.where(higher, value, best)
        where = ops.where(higher, corner + np.float32(i * width + j), where)
    return where


def average_pool(x, grid):
    """Returns the sum of each window over Caffe's divisor (pooling_layer.cpp:201-233)."""
    if grid.whole:
        return ops.mean(x, axis=(1, 2), keepdims=True)
    y = _pool(grid.pad(x), grid, keras.layers.AveragePooling2D, ops.average_pool, "valid")
    rows, columns = (pool_divisors(*axis, grid.counted) for axis in zip(grid.sizes, grid.windows, grid.outs))
    divisors = np.outer(rows, columns).astype(np.float32)
    area = np.float32(grid.kernel[0] * grid.kernel[1])
    if np.all(divisors == area):
        return y
    with np.errstate(divide="ignore"):  # an empty window that begins where the padding ends: 0/0 in Caffe too
        factors = area / divisors
    return ops.cast(ops.multiply(y, factors[None, :, :, None]), x.dtype)


def stochastic_mean(x, grid):
    """Returns sum(x^2) / sum(x) of each window, 0 where the sum is not positive (pooling_layer.cu:125-154)."""
    values = ops.stack([value for _, value in grid.taps(grid.pad(x))], axis=-1)
    total = ops.sum(values, axis=-1)
    positive = ops.greater(total, 0)
    return ops.where(positive, ops.sum(values * values, axis=-1) / ops.where(positive, total, 1), 0)


def pooler(grid, method, site, name):
    """Returns a function from (N,H,W,C) to (N,H',W',C).

    Args:
        grid: the `PoolGrid`.
        method: "MAX", "AVE" or "STOCHASTIC".
        site: the `Site` of the layer, which says the phase and the source of randomness.
        name: of the Keras layer, where there is one.
    """
    if method == "STOCHASTIC" and site.phase == "TRAIN":
        from zoo.layers.keras_layers.stochastic_pool import StochasticPool

        return StochasticPool(grid, site, name=name)
    rule = {"MAX": max_pool, "AVE": average_pool, "STOCHASTIC": stochastic_mean}[method]
    return lambda x: rule(x, grid)
