"""Greedy non-maximum suppression of sorted boxes on fixed shapes, without a loop that a saved model could not hold.

Whether a box is kept depends on those before it alone. So k <- relu(a - S k), where S marks the earlier boxes that
would suppress it and a those that may be kept, has after n rounds the first n boxes right whatever it starts from; each
round here is one matrix product and relu, taken block by block so that the products stay small.
"""

import numpy as np

from zoo.layers.base.lazy import ops
from zoo.layers.ops.boxes import overlap

BLOCK = 32


def keep(boxes, allowed, threshold, eta=1.0, pixel=0.0, touching=False):
    """Returns 1.0 where a box is kept, else 0.0.

    A box is kept if it is allowed and its overlap with every kept box before it is at most the threshold. With eta
    below 1, each box that is kept lowers a threshold above 0.5 to `eta` times it for those after it.

    Args:
        boxes: four tensors (lists, T), in descending order of score.
        allowed: (lists, T), 1.0 where a box may be kept.
        pixel, touching: as `boxes.overlap` takes them.
    """
    levels = thresholds(threshold, eta, allowed.shape[1])
    settle = _adaptive if len(levels) > 1 else _plain
    kept = allowed[:, :0]
    for start in range(0, allowed.shape[1], BLOCK):
        end = min(start + BLOCK, allowed.shape[1])
        some, those = [b[:, start:end, None] for b in boxes], [b[:, None, :end] for b in boxes]
        overlaps = overlap(some, those, pixel, touching=touching)
        before = ops.tril(overlaps, start - 1)  # with the boxes that come before each
        kept = ops.concatenate([kept, settle(before, allowed[:, start:end], kept, levels)], axis=1)
    return kept


def thresholds(threshold, eta, most):
    """Returns the float32 thresholds that 0, 1, ... kept boxes leave, up to the last that differs."""
    levels = [np.float32(threshold)]
    while eta < 1 and levels[-1] > 0.5 and len(levels) < most:
        levels.append(np.float32(levels[-1] * np.float32(eta)))
    return np.array(levels)


def _plain(overlaps, allowed, kept, levels):
    """Returns which boxes of a block are kept, (lists, size), under one threshold.

    Args:
        overlaps: (lists, size, end) of each box with those up to the block's end; 0 but for those before it.
        allowed: (lists, size).
        kept: (lists, end - size), those before the block.
    """
    size, start = allowed.shape[1], kept.shape[1]
    hits = ops.cast(overlaps > float(levels[0]), "float32")
    allowed = ops.relu(allowed - _times(hits[:, :, :start], kept)) if start else allowed
    # With a 1 behind k, and `allowed` as a column behind -S, a round is one product.
    one = np.pad(np.ones((1, 1, 1), "float32"), [(0, 0), (0, 0), (size, 0)])
    matrix = ops.concatenate([-hits[:, :, start:], allowed[:, :, None]], axis=2)
    matrix = ops.concatenate([matrix, ops.zeros_like(matrix[:, :1]) + one], axis=1)
    state = ops.pad(allowed, [(0, 0), (0, 1)], constant_values=1.0)[:, :, None]
    for _ in range(size - 1):
        state = ops.relu(ops.matmul(matrix, state))
    return state[:, :size, 0]


def _adaptive(overlaps, allowed, kept, levels):
    """The same where each kept box may lower the threshold."""
    found, last = allowed, len(levels) - 1.0
    for _ in range(allowed.shape[1]):
        count = ops.sum(kept, axis=1, keepdims=True) + ops.cumsum(found, axis=1) - found
        level = ops.take(levels, ops.cast(ops.minimum(count, last), "int32"))
        hits = ops.cast(overlaps > level[:, :, None], "float32")
        found = ops.relu(allowed - _times(hits, ops.concatenate([kept, found], axis=1)))
    return found


def _times(matrix, vector):
    return ops.squeeze(ops.matmul(matrix, vector[:, :, None]), 2)
