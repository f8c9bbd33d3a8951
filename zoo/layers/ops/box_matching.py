"""SSD's matching of priors with ground truth on fixed shapes (bbox_util.cpp MatchBBox of weiliu89/caffe).

The fork takes, again and again, the largest overlap of a free prior with a free ground truth of the image. What it
takes does not depend on what is taken elsewhere, so here all pairs that no overlapping rival beats are taken at once,
in rounds; there are at most as many rounds as an image has ground truths, and mostly two or three.
"""

import numpy as np

from zoo.layers.base.lazy import keras, ops
from zoo.layers.ops.boxes import overlap
from zoo.layers.ops.first_largest import first_largest

LEAST = 1e-6  # overlaps up to this are none
FREE, LEFT_OUT = -1, -2


def match(rows, group, boxes, groups, *, threshold=None, outside=None):
    """Returns (matches, best), both (groups, P): which ground truth each prior has, and its largest overlap with any.

    A match is the index of the row of ground truth, `FREE`, or `LEFT_OUT` where the prior is outside.

    Args:
        rows: four tensors (G,), the boxes of the ground truth.
        group: (G,) int32, who competes: the image, or the image and class; `groups` for rows that count for nothing.
        boxes: four tensors (1, P), or (groups, P) where each group has its own.
        threshold: where given, priors left free take their best ground truth if it overlaps by that much.
        outside: (groups, P) bool of the priors that match nothing, or None.
    """
    number = group.shape[0]
    if boxes[0].shape[0] != 1:
        boxes = [ops.take(side, ops.minimum(group, groups - 1), axis=0) for side in boxes]
    overlaps = overlap(boxes, [side[:, None] for side in rows])
    usable = ops.logical_and(overlaps > LEAST, ops.less(group, groups)[:, None])
    if outside is not None:
        spared = ops.pad(ops.cast(outside, "int32"), [(0, 1), (0, 0)])
        usable = ops.logical_and(usable, ops.equal(ops.take(spared, group, axis=0), 0))
    overlaps = ops.where(usable, overlaps, -1.0)
    best = ops.segment_max(overlaps, group, groups + 1)
    none = ops.cast(ops.zeros_like(best), "int32") + FREE
    if keras.utils.is_keras_tensor(overlaps):  # a saved model can hold no loop: as many rounds as there may have to be
        matches = none
        for _ in range(number):
            matches, _ = _round(matches, overlaps, group, groups)
    else:
        matches, *_ = ops.while_loop(
            lambda matches, found, *_: found,
            lambda matches, found, overlaps, group: (*_round(matches, overlaps, group, groups), overlaps, group),
            (none, ops.any(ops.equal(none, FREE)), overlaps, group),
            maximum_iterations=number,
        )
    if threshold is not None:
        index = np.arange(number, dtype="int32")
        holds = ops.equal(overlaps, ops.take(best, group, axis=0))
        first = -ops.segment_max(ops.where(holds, -index[:, None], -number), group, groups + 1)
        takes = ops.logical_and(ops.equal(matches, FREE), ops.logical_and(best > 0, best >= threshold))
        matches = ops.where(takes, first, matches)
    matches, best = matches[:groups, :], ops.maximum(best[:groups, :], 0.0)
    return (matches if outside is None else ops.where(outside, LEFT_OUT, matches)), best


def _round(matches, overlaps, group, groups):
    """Takes every pair that nothing free beats; of equal overlaps the lower prior wins, then the lower ground truth.

    Args:
        matches: (groups + 1, P) so far; the last row is scratch.

    Returns:
        (matches, whether any pair was taken).
    """
    index = np.arange(group.shape[0], dtype="int32")
    owners = ops.take(matches, group, axis=0)
    matched = ops.any(ops.equal(owners, index[:, None]), axis=1, keepdims=True)
    free = ops.logical_and(ops.equal(owners, FREE), ops.logical_not(matched))
    open_ = ops.where(free, overlaps, -1.0)
    prior, largest = first_largest(open_, axis=1), ops.max(open_, axis=1)
    rivals = ops.take(open_, prior, axis=1)  # (G, G): of each row with the prior that each column wants
    ahead = ops.logical_or(
        rivals > largest[None, :],
        ops.logical_and(ops.equal(rivals, largest[None, :]), index[:, None] < index[None, :]),
    )
    beaten = ops.any(ops.logical_and(ahead, ops.equal(group[:, None], group[None, :])), axis=0)
    wins = ops.logical_and(largest > 0, ops.logical_not(beaten))
    place = ops.stack([ops.where(wins, group, groups), ops.where(wins, ops.cast(prior, "int32"), 0)], axis=1)
    return ops.scatter_update(matches, place, ops.where(wins, index, FREE)), ops.any(wins)
