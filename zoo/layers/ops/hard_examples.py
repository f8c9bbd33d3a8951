"""Which boxes SSD trains on: those of the largest losses, with or without suppression first, on fixed shapes."""

import math

import numpy as np

from zoo.layers.base.lazy import ops
from zoo.layers.ops import suppression
from zoo.layers.ops.broadcast import add

LEAST_AREA = 1e-5  # a smaller box is neither kept nor does it suppress


def largest(losses, eligible, number):
    """Returns (N, P) bool: in each row the `number` (N,) eligible ones of the largest losses, of equal ones the first.

    Args:
        losses: (N, P).
        eligible: (N, P) bool, at least `number` of them in each row.
    """
    ranked = ops.where(eligible, losses, -math.inf)
    last = ops.take_along_axis(-ops.sort(-ranked, axis=1), ops.maximum(number - 1, 0)[:, None], axis=1)
    above, level = ranked > last, ops.logical_and(ops.equal(ranked, last), eligible)
    rest = (number - ops.sum(ops.cast(above, "int32"), axis=1))[:, None]
    return ops.logical_or(above, ops.logical_and(level, ops.cumsum(ops.cast(level, "int32"), axis=1) <= rest))


def largest_apart(losses, eligible, number, boxes, threshold, top_k):
    """The same after greedy suppression by loss (bbox_util.cpp ApplyNMS of weiliu89/caffe).

    Args:
        boxes: four tensors (N, P).
        threshold: the overlap above which a box with a smaller loss goes.
        top_k: how many of the largest losses are looked at; negative for all.
    """
    items, priors = eligible.shape
    looked_at = priors if top_k < 0 else min(top_k, priors)
    if not looked_at:
        return ops.zeros_like(eligible)
    ranked = ops.where(eligible, losses, -math.inf)
    order = ops.argsort(-ranked, axis=1)[:, :looked_at]
    boxes = [ops.take_along_axis(box, order, axis=1) for box in boxes]
    area = ops.relu(boxes[2] - boxes[0]) * ops.relu(boxes[3] - boxes[1])
    allowed = ops.logical_and(ops.take_along_axis(eligible, order, axis=1), area >= LEAST_AREA)
    kept = suppression.keep(boxes, ops.cast(allowed, "float32"), threshold)
    chosen = ops.logical_and(kept > 0, ops.cumsum(kept, axis=1) <= ops.cast(number, "float32")[:, None])
    start = np.arange(items, dtype="int32")[:, None] * priors  # of each row in the flattened list
    place = ops.reshape(add(ops.cast(order, "int32"), start), (-1, 1))
    none = ops.reshape(ops.cast(ops.zeros_like(eligible), "int32"), (items * priors,))
    flat = ops.scatter_update(none, place, ops.reshape(ops.cast(chosen, "int32"), (-1,)))
    return ops.reshape(flat, (items, priors)) > 0
