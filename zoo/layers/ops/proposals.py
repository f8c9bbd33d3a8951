"""What region proposal networks share: anchors moved by offsets, cut to the image, thinned out, the best first."""

import numpy as np

from zoo.layers.base.lazy import ops
from zoo.layers.ops import suppression

EXCLUDED = -float("inf")


def anchors(widths, heights, scales, base):
    """Returns (A,4) float32 x1, y1, x2, y2 around the middle of `base` pixels, scale by scale for each size."""
    middle = 0.5 * (np.float32(base) - 1)
    sizes = [(np.float32(w) * s, np.float32(h) * s) for w, h in zip(widths, heights) for s in np.float32(scales)]
    half = 0.5 * (np.array(sizes, np.float32).reshape(-1, 2) - 1)
    return np.concatenate([middle - half, middle + half], axis=1)


def shifted(anchors, height, width, stride):
    """Returns (height * width * A, 4) float32: the anchors at every cell, by row, column and anchor."""
    y, x = (np.float32(v * stride).reshape(-1, 1) for v in np.indices((height, width)))
    return (np.concatenate([x, y, x, y], axis=1)[:, None] + anchors).reshape(-1, 4)


def check(kind, bottoms, anchors, values):
    """Raises NetError unless bottoms are (1,2A,H,W), (1,4A,H,W) and so many `values` about the image.

    Returns:
        how many anchors there are in all.
    """
    scores, offsets, image = bottoms
    if len(scores) != 4 or scores[0] != 1 or scores[1] != 2 * anchors:
        want = f"(1, {2 * anchors}, H, W): one item, background and foreground of {anchors} anchors"
        raise kind.error("scores, bottom 0, do not fit", "bottom", got=scores, want=want)
    if offsets != (1, 4 * anchors, *scores[2:]):
        raise kind.error("offsets, bottom 1, do not fit", "bottom", got=offsets, want=(1, 4 * anchors, *scores[2:]))
    if not image or image[0] != 1 or np.prod(image, dtype=int) < len(values):
        raise kind.error("image information, bottom 2, does not fit", "bottom", got=image, want=f"(1, {len(values)})")
    return anchors * scores[2] * scores[3]


def decoded(priors, offsets, tall, wide):
    """Returns four (1,T) tensors: the boxes, cut to an image of `tall` by `wide` pixels.

    A box is as wide as its right edge less its left one, plus 1; the right edge is the middle plus half the width all
    the same, without a 1 taken off.

    Args:
        priors: (T,4) float32.
        offsets: (T,4): of the middle in parts of the size, and the logarithm of that of the sizes.
        tall, wide: scalars.
    """
    size = priors[:, 2:] - priors[:, :2] + np.float32(1)
    middle = priors[:, :2] + np.float32(0.5) * size
    boxes = []
    for k, limit in ((0, wide), (1, tall)):
        centre = offsets[:, k] * size[:, k] + middle[:, k]
        half = 0.5 * (ops.exp(offsets[:, k + 2]) * size[:, k])
        boxes.append([ops.maximum(ops.minimum(v, limit - 1.0), 0.0) for v in (centre - half, centre + half)])
    (left, right), (top, bottom) = boxes
    return [ops.expand_dims(v, 0) for v in (left, top, right, bottom)]


def propose(scores, boxes, before, after, threshold, site, order, touching=False):
    """Returns (rois (R,5), scores (R,)): the boxes kept, best first, then rows of -1.

    Args:
        scores: (1,T), EXCLUDED for those that are out.
        boxes: four (1,T).
        before, after: how many of the best are held against each other, and how many are given at most.
        threshold: the overlap up to which a box is kept, with widths that count both ends.
        order: (1,T), which is the best, the next best, ...
        touching: as `boxes.overlap` takes it.
    """
    order = order[:, :before]
    scores, *boxes = (ops.take_along_axis(v, order, axis=1) for v in (scores, *boxes))
    allowed = ops.cast(scores > EXCLUDED, "float32")
    if site.portable:
        kept = suppression.keep(boxes, allowed, threshold, pixel=1.0, touching=touching)
    else:
        from zoo.layers.keras_layers.suppression import Suppression

        kept = Suppression(threshold, 1.0, after, touching, name=site.name)(boxes, allowed)
    kept = ops.logical_and(kept > 0, ops.cumsum(kept, axis=1) <= after)
    order = ops.argsort(ops.cast(ops.logical_not(kept), "int32"), axis=1)[:, :after]
    table = [ops.where(kept, v, -1.0) for v in (ops.zeros_like(scores), *boxes, scores)]
    *rois, scores = (ops.take_along_axis(v, order, axis=1)[0] for v in table)
    return ops.stack(rois, axis=1), scores
