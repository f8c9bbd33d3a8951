"""Boxes of one image as an array, and what becomes of them where the image is cropped, enlarged or mirrored.

Boxes are float32 (G, 7): label, instance, xmin, ymin, xmax, ymax, difficult; corners are fractions of the image.
A region is (xmin, ymin, xmax, ymax) in the same fractions, and may reach beyond the image.
"""

import numpy as np

LABEL, INSTANCE, XMIN, YMIN, XMAX, YMAX, DIFFICULT = range(7)
CORNERS = slice(XMIN, DIFFICULT)
WHOLE = (0.0, 0.0, 1.0, 1.0)


def area(corners):
    """Returns the areas of corners (..., 4), 0 where a box is turned inside out (bbox_util.cpp BBoxSize)."""
    width, height = corners[..., 2] - corners[..., 0], corners[..., 3] - corners[..., 1]
    return np.where((width < 0) | (height < 0), 0, width * height)


def intersection(region, corners):
    """Returns the areas that a region shares with corners (G, 4)."""
    low, high = np.maximum(region[:2], corners[:, :2]), np.minimum(region[2:], corners[:, 2:])
    return np.prod(np.maximum(high - low, 0), axis=1)


def jaccard(region, corners):
    """Returns intersection over union of a region with corners (G, 4) (bbox_util.cpp JaccardOverlap)."""
    shared = intersection(region, corners)
    union = area(np.asarray(region)) + area(corners) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)


def emitted(boxes, region, constraint):
    """Returns which boxes an EmitConstraint lets pass into a region (bbox_util.cpp:333).

    CENTER wants a box's centre inside, MIN_OVERLAP more than emit_overlap of the box.

    Args:
        boxes: (G, 7).
        region: what is kept of the image.
        constraint: the message.
    """
    corners = boxes[:, CORNERS]
    if constraint.emit_type == constraint.CENTER:
        centre = (corners[:, :2] + corners[:, 2:]) / 2
        return np.all((centre >= region[:2]) & (centre <= region[2:]), axis=1)
    size = area(corners)
    share = np.divide(intersection(region, corners), size, out=np.zeros_like(size), where=size > 0)
    return share > constraint.emit_overlap


def project(boxes, region, constraint=None):
    """Returns the boxes as fractions of a region, clipped to it; those that nothing is left of go (ProjectBBox).

    Args:
        boxes: (G, 7).
        region: what is kept of the image.
        constraint: an EmitConstraint that says which boxes stay, or None for all that the region touches.
    """
    if constraint is not None:
        boxes = boxes[emitted(boxes, region, constraint)]
    low, size = np.float32(region[:2]), np.float32(region[2:]) - np.float32(region[:2])
    corners = boxes[:, CORNERS]
    touches = np.all((corners[:, :2] < region[2:]) & (corners[:, 2:] > region[:2]), axis=1)
    projected = boxes.copy()
    projected[:, CORNERS] = np.clip((corners - np.tile(low, 2)) / np.tile(size, 2), 0, 1)
    return projected[touches & (area(projected[:, CORNERS]) > 0)]


def mirrored(boxes):
    """Returns the boxes of an image that was mirrored left to right."""
    turned = boxes.copy()
    turned[:, XMIN], turned[:, XMAX] = 1 - boxes[:, XMAX], 1 - boxes[:, XMIN]
    return turned
