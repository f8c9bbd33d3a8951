"""Regions of interest, as the layers that pool over them share them: rows of (image, x1, y1, x2, y2).

Where a bin begins and ends is settled in float32 and in the order of the forks' code: one rounding more or less moves
an edge by a pixel.
"""

import math

import numpy as np

from zoo.errors import NetError
from zoo.layers.base.lazy import ops
from zoo.layers.ops.broadcast import add
from zoo.layers.ops.losses import NAN, items


def check_rois(kind, bottoms):
    """Raises NetError unless bottom 0 is (N,C,H,W) and the items of bottom 1 begin with image, x1, y1, x2, y2."""
    data, rois = bottoms[0], bottoms[1]
    if len(data) != 4:
        raise NetError("bottom 0 must be spatial", at=kind.layer.at("bottom"), got=data, want="(N,C,H,W)")
    if not rois or math.prod(rois[1:]) != 5:
        want = "(R,5): image, x1, y1, x2, y2"
        raise NetError("bottom 1 must hold regions", at=kind.layer.at("bottom"), got=rois, want=want)


def round_away(x):
    """Returns float32 `x` rounded to whole numbers, halves away from zero, as C's round does."""
    whole = ops.trunc(x)
    return whole + ops.where(ops.abs(x - whole) >= 0.5, ops.sign(x), 0.0)


class Rois:
    """R regions over a batch of N images.

    Args:
        rois: the Keras tensor of Caffe `shape`.
        x: the batch, (N,H,W,C).

    Attributes:
        numbers: (N,) int32, the images' numbers.
        image: (R,) int32, 0 where a region has none.
        left, top, right, bottom: (R,) float32, as given.
        absent: (R,) bool: rows of -1 in column 0, which only fill up a fixed number of regions.
        wrong: (R,) bool: regions of an image that the batch does not have, where Caffe stops or reads past the batch.
    """

    def __init__(self, rois, shape, x):
        rois = ops.stop_gradient(items(rois, shape))
        number = ops.cast(rois[:, 0], "int32")
        ones = ops.cast(ops.ones_like(x[:, 0, 0, 0]), "int32")  # the batch may be known at run time only
        self.numbers = ops.cumsum(ones) - 1
        known = ops.logical_and(number >= 0, number < ops.sum(ones))
        self.absent = ops.equal(rois[:, 0], -1.0)
        self.wrong = ops.logical_not(ops.logical_or(known, self.absent))
        self.image = ops.where(known, number, 0)
        self.left, self.top, self.right, self.bottom = (rois[:, i] for i in range(1, 5))

    def only(self, values):
        """Returns (R, ...) `values` of the regions: 0 for absent ones, NaN for those of no image."""
        shape = (-1, *(1,) * (len(values.shape) - 1))
        values = ops.where(ops.reshape(self.absent, shape), ops.zeros_like(values), values)
        return ops.where(ops.reshape(self.wrong, shape), ops.full_like(values, NAN), values)


def divided(size, parts):
    """Returns (R,) float32 `size` > 0 over the integer `parts`.

    The divisor is chosen at run time, always the same: by a constant, graph optimisers multiply with its reciprocal,
    which is another number.
    """
    return size / ops.where(size > 0, float(parts), 1.0)


def edges(step, parts, offset, limit, *, offset_first=False):
    """Returns (first, end), (R, parts) int32 each: [floor(i step), ceil((i + 1) step)) + offset, clipped to 0..limit.

    Args:
        step: (R,) float32.
        offset: (R,) float32.
        offset_first: whether the offset is added before rounding.
    """
    place = np.arange(parts, dtype=np.float32)
    step, offset = (ops.expand_dims(v, 1) for v in (step, offset))
    first, end = step * place, step * (place + 1)
    if offset_first:
        first, end = ops.floor(add(first, offset)), ops.ceil(add(end, offset))
    else:
        first, end = add(ops.floor(first), offset), add(ops.ceil(end), offset)
    return tuple(ops.cast(ops.clip(v, 0, limit), "int32") for v in (first, end))
