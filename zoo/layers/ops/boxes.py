"""Boxes as four tensors (xmin, ymin, xmax, ymax) of one shape: coding by priors, and overlap.

Where a function takes `xp`, that is keras.ops for tensors, or numpy for arrays.
"""

from zoo.layers.base.lazy import ops
from zoo.layers.ops.broadcast import add


def decode(code_type, offsets, priors, variances, xp=ops):
    """Returns the boxes that a net predicts as offsets from priors (bbox_util.cpp DecodeBBox of weiliu89/caffe).

    Args:
        code_type: "CORNER", "CENTER_SIZE" or "CORNER_SIZE".
        offsets, priors: four tensors each, which broadcast against each other.
        variances: four tensors that scale the offsets, or None where the targets had them in them.
        xp: as the module says.
    """
    moved = offsets if variances is None else [v * t for v, t in zip(variances, offsets)]
    left, top, right, bottom = priors
    if code_type == "CORNER":
        return [p + t for p, t in zip(priors, moved)]
    width, height = right - left, bottom - top
    if code_type == "CORNER_SIZE":
        return [p + t * size for p, t, size in zip(priors, moved, (width, height, width, height))]
    x, y = add(moved[0] * width, (left + right) / 2), add(moved[1] * height, (top + bottom) / 2)
    half_width, half_height = xp.exp(moved[2]) * width / 2, xp.exp(moved[3]) * height / 2
    return [x - half_width, y - half_height, x + half_width, y + half_height]


def encode(code_type, boxes, priors):
    """Returns what `decode` would make the boxes of, without variances (bbox_util.cpp EncodeBBox of weiliu89/caffe).

    Args:
        code_type: "CORNER", "CENTER_SIZE" or "CORNER_SIZE".
        boxes, priors: four tensors each, which broadcast against each other.
    """
    left, top, right, bottom = priors
    width, height = right - left, bottom - top
    if code_type == "CENTER_SIZE":
        x, y = (boxes[0] + boxes[2]) / 2 - (left + right) / 2, (boxes[1] + boxes[3]) / 2 - (top + bottom) / 2
        sizes = (boxes[2] - boxes[0]) / width, (boxes[3] - boxes[1]) / height
        return [x / width, y / height, *(ops.log(size) for size in sizes)]
    offsets = [box - prior for box, prior in zip(boxes, priors)]
    if code_type == "CORNER":
        return offsets
    return [offset / size for offset, size in zip(offsets, (width, height, width, height))]


def overlap(one, other, pixel=0.0, xp=ops, touching=False):
    """Returns intersection over union of boxes that broadcast against each other; 0 where they share no area.

    Args:
        one, other: four tensors each.
        pixel: what a width or height adds: 0 for boxes in parts of the image, 1 for whole pixels, both ends included.
        xp: as the module says.
        touching: whether boxes share nothing if they do not touch before `pixel` is added (nms.cpp:13 of
            sanghoon/caffe); where not, boxes less than a pixel apart share the rest of it.
    """
    width = xp.minimum(one[2], other[2]) - xp.maximum(one[0], other[0])
    height = xp.minimum(one[3], other[3]) - xp.maximum(one[1], other[1])
    shared = xp.maximum(width + pixel, 0.0) * xp.maximum(height + pixel, 0.0)
    if touching:
        shared = xp.where(xp.logical_and(width >= 0, height >= 0), shared, 0.0)
    union = add(area(one, pixel), area(other, pixel)) - shared
    return xp.where(shared > 0, shared / xp.where(shared > 0, union, 1.0), 0.0)


def area(box, pixel=0.0):
    """Returns width times height."""
    return (box[2] - box[0] + pixel) * (box[3] - box[1] + pixel)


def pixel_overlap(one, other, xp=ops, pixel=1.0):
    """Returns the overlap that SSD has of boxes in pixels: both ends included, and 1 pixel shared where none is.

    bbox_util.cpp:65-80, 274-294 of weiliu89/caffe: no intersection is the box 0, 0, 0, 0, whose width is then 1.
    `pixel` is what the boxes' own widths and heights add, 0 where they were clipped in pixels.
    """
    width = xp.minimum(one[2], other[2]) - xp.maximum(one[0], other[0])
    height = xp.minimum(one[3], other[3]) - xp.maximum(one[1], other[1])
    apart = xp.logical_or(width < 0, height < 0)
    shared = xp.where(apart, 1.0, (width + 1) * (height + 1))
    sizes = [xp.where(xp.logical_or(box[2] < box[0], box[3] < box[1]), 0.0, area(box, pixel)) for box in (one, other)]
    return shared / (add(*sizes) - shared)
