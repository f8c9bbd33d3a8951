"""Bilinear interpolation of (N,H,W,C) tensors with aligned corners."""

import numpy as np

from zoo.layers.base.lazy import ops


def aligned(sizes, outs, site):
    """Returns ``f(x) -> y`` from (N,H,W,C) to (N,H',W',C), in the dtype of x.

    Args:
        sizes, outs: (H, W) and (H', W').
        site: the `Site` of the layer.
    """
    if tuple(sizes) == tuple(outs):
        return lambda x: x
    if not site.portable:
        from zoo.layers.keras_layers.resize_bilinear import ResizeBilinear

        return ResizeBilinear(tuple(outs), name=site.name)
    plans = [_plan(*axis) for axis in zip(sizes, outs)]

    def resize(x):
        y = ops.cast(x, "float32")
        for axis, (low, high, part) in enumerate(plans, 1):
            part = part[(slice(None), *[None] * (3 - axis))]
            y = ops.take(y, low, axis=axis) * (1 - part) + ops.take(y, high, axis=axis) * part
        return ops.cast(y, x.dtype)

    return resize


def _plan(size, out):
    """Returns the lower and the upper neighbour of each output along an axis, and the upper one's weight."""
    ratio = np.float32(size - 1) / np.float32(out - 1) if out > 1 else np.float32(0)
    source = ratio * np.arange(out, dtype=np.float32)
    low = source.astype(np.int32)
    return low, np.minimum(low + 1, size - 1), source - low.astype(np.float32)
