"""What YOLO's losses share: boxes of the truth, overlap, on which cells these fall, and the gradient."""

import numpy as np

from zoo.layers.base.lazy import ops
from zoo.layers.ops.broadcast import add
from zoo.layers.ops.losses import items

TRUTHS = 300  # boxes of an item in the truth: label, x, y, width, height
CHUNK = 25  # of these are held against all cells at a time


class Truth:
    """The truth of N items, in parts of the image.

    Attributes:
        label, x, y, w, h: (N,300) float32.
        by_x, by_w: (N,300) bool: those before the first whose x, or w, is 0.
    """

    def __init__(self, gt, shape):
        rows = ops.reshape(items(ops.stop_gradient(gt), shape), (-1, TRUTHS, 5))
        self.label, self.x, self.y, self.w, self.h = (rows[:, :, i] for i in range(5))
        self.by_x, self.by_w = (ops.cumsum(ops.cast(ops.equal(v, 0.0), "int32"), axis=1) < 1 for v in (self.x, self.w))

    def place(self, side):
        """Returns (column, row) of the cells, (N,300) float32, cut toward 0 as C casts."""
        return ops.trunc(self.x * side), ops.trunc(self.y * side)

    def at(self, chosen):
        """Returns (label, x, y, w, h) of the boxes numbered in `chosen` (N,M) int32, (N,M) each."""
        return [ops.take_along_axis(v, chosen, axis=1) for v in (self.label, self.x, self.y, self.w, self.h)]


def check(kind, bottoms, values, exact):
    """Raises NetError unless bottom 0 is (N, values, S, S), or more unless `exact`, and bottom 1 its truth."""
    x, gt = bottoms
    if len(x) != 4 or x[2] != x[3] or x[1] < values or (exact and x[1] != values):
        raise kind.error("predictions, bottom 0, do not fit the layer", "bottom", got=x, want=f"(N, {values}, S, S)")
    if gt[:1] != x[:1] or np.prod(gt[1:], dtype=int) != TRUTHS * 5:
        want = f"({x[0]}, 1, 1, {TRUTHS * 5}): {TRUTHS} times label, x, y, width, height"
        raise kind.error("the truth, bottom 1, does not fit", "bottom", got=gt, want=want)


def overlap(a, b):
    """Intersection over union of boxes (x, y, w, h) around their centres; NaN for two of no area."""
    wide, high = _shared(a[0], a[2], b[0], b[2]), _shared(a[1], a[3], b[1], b[3])
    shared = ops.where(ops.logical_or(wide < 0, high < 0), 0.0, wide * high)
    return shared / (add(a[2] * a[3], b[2] * b[3]) - shared)


def _shared(x, w, x2, w2):
    return ops.minimum(x + w / 2, x2 + w2 / 2) - ops.maximum(x - w / 2, x2 - w2 / 2)


def chunks():
    """Yields slices that cover the boxes of the truth."""
    return (slice(start, start + CHUNK) for start in range(0, TRUTHS, CHUNK))


def covered(boxes, truth, threshold):
    """Returns (N,S*S,A) bool: whether a box of the truth overlaps with the predicted one by more than `threshold`."""
    found = None
    for part in chunks():
        one = [ops.expand_dims(v, 3) for v in boxes]
        other = [v[:, None, None, part] for v in (truth.x, truth.y, truth.w, truth.h)]
        over = ops.logical_and(overlap(one, other) > threshold, truth.by_x[:, None, None, part])
        over = ops.any(over, axis=3)
        found = over if found is None else ops.logical_or(found, over)
    return found if threshold >= 0 else ops.ones_like(found)


def best_anchor(sizes, truth):
    """Returns (N,300) int32: the first of the anchors that overlaps most when put over the box; -1 if none does.

    Args:
        sizes: list of (width, height), each a number or (N,300).
    """
    best, where = 0.0, None
    zero = ops.zeros_like(truth.w)
    for number, (w, h) in enumerate(sizes):
        over = overlap((zero, zero, zero + w, zero + h), (zero, zero, truth.w, truth.h))
        more = over > best
        best = ops.where(more, over, best)
        where = ops.where(more, number, -1 if where is None else where)
    return ops.cast(where, "int32")


def first_and_last(keys, cells):
    """Returns, for each of `cells` places, the first and last box that falls there and whether there is one, (N,cells).

    Args:
        keys: (N,300) int32, the place of each box, -1 for none.
    """
    ids, last, first = np.arange(cells, dtype=np.int32)[None, :, None], None, None
    for part in chunks():
        match = ops.equal(keys[:, None, part], ids)
        number = np.arange(part.start, part.stop, dtype=np.int32)
        high = ops.max(ops.where(match, number, -1), axis=2)
        low = ops.min(ops.where(match, number, TRUTHS), axis=2)
        last = high if last is None else ops.maximum(last, high)
        first = low if first is None else ops.minimum(first, low)
    return ops.minimum(first, TRUTHS - 1), ops.maximum(last, 0), last >= 0


def cells_of(x, side, anchors, length):
    """Returns the predictions (N,S,S,C) as (N, S*S, anchors, length) float32; further channels are left out."""
    x = ops.cast(x, "float32")
    x = x[..., : anchors * length] if x.shape[-1] > anchors * length else x
    return ops.reshape(x, (-1, side * side, anchors, length))


def loss_with_gradient(values, delta, gradient):
    """Returns the mean over items of the sum of delta^2; its gradient by `values` is gradient / N, no derivative.

    Args:
        values, delta, gradient: (N, ...) of one shape.
    """
    delta, gradient = ops.stop_gradient(delta), ops.stop_gradient(gradient)
    axes = tuple(range(1, len(values.shape)))
    through = gradient * (values - ops.stop_gradient(values))
    return ops.mean(ops.sum(ops.square(delta), axis=axes)) + ops.mean(ops.sum(through, axis=axes))
