"""ROIPooling, PSROIPooling, and the proposals of two region proposal networks."""

import math

import numpy as np
from onnx import TensorProto

from zoo.export.onnx import quicksort, suppression
from zoo.export.onnx.registry import writer
from zoo.layers.ops import proposals


@writer("ROIPooling")
def roi_pooling(site):
    """MaxRoiPool, which is this layer."""
    x, rois = site.inputs
    if len(site.bottoms[1]) != 2:
        rois = site.op("Reshape", rois, site.ints(-1, 5))
    return site.op("MaxRoiPool", x, rois, pooled_shape=list(site.kind.pooled), spatial_scale=site.kind.scale)


@writer("PSROIPooling")
def psroi_pooling(site):
    """Products with masks of the bins: along the columns for all images, then along the rows for that of a region."""
    site.needs_sizes()
    (n, _, height, width), kind = site.bottoms[0], site.kind
    group, outputs = kind.group, kind.outputs
    rois = site.op("Reshape", site.inputs[1], site.ints(-1, 5))
    image, left, top, right, bottom = site.op("Split", rois, outputs=5, axis=1)
    rows, tall = _bins(site, top, bottom, height)
    columns, wide = _bins(site, left, right, width)
    # (D, i, j, W) of each image and row, as (j, W, N H D i).
    maps = site.reshape(site.inputs[0], (n, outputs, group, group, height, width))
    maps = site.op("Transpose", maps, perm=[3, 5, 0, 4, 1, 2])
    maps = site.op("Reshape", maps, site.ints(group, width, -1))
    sums = site.op("MatMul", site.op("Transpose", columns, perm=[1, 0, 2]), maps)
    sums = site.op("Reshape", sums, site.ints(0, 0, -1, outputs, group))  # a 0 keeps the size that is there
    sums = site.op("Transpose", sums, perm=[4, 1, 2, 3, 0])  # (i, R, N H, D, j)
    sums = site.op("Reshape", sums, site.ints(0, 0, 0, -1))
    own = site.op("Cast", site.op("Equal", image, _images(site)), to=TensorProto.FLOAT)
    rows = site.op("Mul", site.op("Unsqueeze", rows, site.ints(2)), site.op("Unsqueeze", own, site.ints(1, 3)))
    rows = site.op("Transpose", site.op("Reshape", rows, site.ints(0, 0, 1, -1)), perm=[1, 0, 2, 3])
    sums = site.op("Reshape", site.op("MatMul", rows, sums), site.ints(group, -1, outputs, group))
    sums = site.op("Transpose", sums, perm=[1, 2, 0, 3])
    area = site.op("Mul", site.op("Unsqueeze", tall, site.ints(2)), site.op("Unsqueeze", wide, site.ints(1)))
    area = site.op("Max", area, site.constant(1))
    return site.op("Div", sums, site.op("Unsqueeze", area, site.ints(1)))


def _images(site):
    """Returns the numbers of the images, (N,) float32."""
    if not site.any_batch:
        return site.constant(np.arange(site.bottoms[0][0]), "images")
    count = site.op("Gather", site.op("Shape", site.inputs[0]), site.constant(0, dtype=np.int64))
    first, step = (site.constant(value, dtype=np.int64) for value in (0, 1))
    return site.op("Cast", site.op("Range", first, count, step), to=TensorProto.FLOAT)


def _bins(site, low, high, size):
    """Returns ((R, group, size) of 1 where a bin is and 0 elsewhere, (R, group) how many places it has)."""
    kind, one = site.kind, site.constant(1)
    scale, parts = site.constant(kind.scale), np.arange(kind.group)
    start = site.op("Mul", _rounded(site, low), scale)
    end = site.op("Mul", site.op("Add", _rounded(site, high), one), scale)
    step = site.op("Max", site.op("Sub", end, start), site.constant(0.1))
    step = site.op("Div", step, site.constant(kind.group))
    edges = [site.op("Add", site.op("Mul", step, site.constant(parts + i, "parts")), start) for i in (0, 1)]
    limits = site.constant(0), site.constant(size)
    first, last = (
        site.op("Clip", site.op(how, edge), *limits) for how, edge in zip(("Floor", "Ceil"), edges, strict=True)
    )
    place = site.constant(np.arange(size), "places")
    wide = [site.op("Unsqueeze", edge, site.ints(2)) for edge in (first, last)]
    after, before = site.op("LessOrEqual", wide[0], place), site.op("Less", place, wide[1])
    inside = site.op("Cast", site.op("And", after, before), to=TensorProto.FLOAT)
    return inside, site.op("Sub", last, first)


def _rounded(site, x):
    """Returns x rounded to whole numbers, halves away from zero; ONNX's Round takes them to the even one."""
    size = site.op("Abs", x)
    whole = site.op("Floor", size)
    up = site.op("GreaterOrEqual", site.op("Sub", size, whole), site.constant(0.5))
    whole = site.op("Add", whole, site.op("Cast", up, to=TensorProto.FLOAT))
    return site.op("Mul", site.op("Sign", x), whole)


@writer("Proposal")
def proposal(site):
    """Small boxes have a score of 0; the order of equal scores is that of the fork's quicksort."""
    boxes, sides, image = _proposals(site)
    limits = (site.op("Mul", scale, site.constant(site.kind.least)) for scale in image[2:])
    tall, wide = (site.op("GreaterOrEqual", side, limit) for side, limit in zip(sides, limits))
    scores = site.op("Mul", _foreground(site), site.op("Cast", site.op("And", tall, wide), to=TensorProto.FLOAT))
    _, _, height, width = site.bottoms[0]
    count = len(site.kind.anchors) * height * width
    order = quicksort.order(site, site.op("Reshape", scores, site.ints(-1)), count)
    order = site.op("Slice", order, site.ints(0), site.ints(_before(site)), site.ints(0))
    return _chosen(site, boxes, site.op("Gather", scores, order, axis=0), order)


@writer("Python (rpn)")
def proposal_layer(site):
    """Small boxes are left out; of equal scores the first comes first."""
    boxes, (tall, wide), image = _proposals(site)
    least = site.op("Mul", image[2], site.constant(site.kind.least))
    large = site.op("And", site.op("GreaterOrEqual", wide, least), site.op("GreaterOrEqual", tall, least))
    scores = site.op("Where", large, _foreground(site), site.constant(-math.inf))
    scores, order = site.op("TopK", scores, site.ints(_before(site)), outputs=2, axis=0)
    return _chosen(site, boxes, scores, order)


def _before(site):
    """Returns how many boxes are compared with each other."""
    _, _, height, width = site.bottoms[0]
    return min(site.kind.before, len(site.kind.anchors) * height * width)


def _foreground(site):
    """Returns the scores (T,1) by row, column and anchor."""
    number = len(site.kind.anchors)
    scores = site.op("Slice", site.inputs[0], site.ints(number), site.ints(2 * number), site.ints(1))
    return site.op("Reshape", site.op("Transpose", scores, perm=[0, 2, 3, 1]), site.ints(-1, 1))


def _proposals(site):
    """Returns (boxes (T,4) cut to the image, their height and width (T,1), the numbers of the image (1,) each)."""
    site.needs_sizes()
    kind, (height, width) = site.kind, site.bottoms[0][2:]
    priors = proposals.shifted(kind.anchors, height, width, kind.stride)
    image = site.op("Reshape", site.inputs[2], site.ints(-1))
    image = [site.op("Slice", image, site.ints(i), site.ints(i + 1), site.ints(0)) for i in range(len(kind.image))]
    size = priors[:, 2:] - priors[:, :2] + np.float32(1)
    middle = site.constant(priors[:, :2] + np.float32(0.5) * size, "middles")
    size, half, one = site.constant(size, "sizes"), site.constant(0.5), site.constant(1)
    offsets = site.op("Transpose", site.inputs[1], perm=[0, 2, 3, 1])
    place, log = site.op("Split", site.op("Reshape", offsets, site.ints(-1, 4)), outputs=2, axis=1)
    middle = site.op("Add", site.op("Mul", place, size), middle)
    reach = site.op("Mul", half, site.op("Mul", site.op("Exp", log), size))
    limit = site.op("Sub", site.op("Concat", image[1], image[0], axis=0), one)
    low, high = (
        site.op("Max", site.op("Min", edge, limit), site.constant(0))
        for edge in (site.op("Sub", middle, reach), site.op("Add", middle, reach))
    )
    sides = site.op("Add", site.op("Sub", high, low), one)
    wide, tall = site.op("Split", sides, outputs=2, axis=1)
    return site.op("Concat", low, high, axis=1), (tall, wide), image


def _chosen(site, boxes, scores, order):
    """Returns the tops: the boxes that suppression keeps, of the first in `order`, and their scores (before,1)."""
    before = _before(site)
    order = site.op("Reshape", order, site.ints(-1))
    boxes = site.op("Gather", boxes, order, axis=0)
    allowed, threshold = site.op("Greater", scores, site.constant(-math.inf)), site.kind.threshold
    most = min(site.kind.after, before)
    if site.kind.touching:
        allowed = site.op("Reshape", allowed, site.ints(-1))
        kept = suppression.kept_where_touching(site, boxes, allowed, before, threshold, most)
    else:
        ends = site.op("Add", boxes, site.constant([0, 0, 1, 1]))  # both ends of a width count
        ends, allowed = site.op("Unsqueeze", ends, site.ints(0)), site.op("Reshape", allowed, site.ints(1, before))
        kept = suppression.kept(site, ends, allowed, 1, before, threshold, most)
    place = site.op("Reshape", site.op("NonZero", site.op("Reshape", kept, site.ints(-1))), site.ints(-1))
    boxes, scores = (site.op("Gather", v, place, axis=0) for v in (boxes, scores))
    image = site.op("Mul", site.op("Cast", site.op("Unsqueeze", place, site.ints(1)), to=1), site.constant(0))
    rois = site.op("Concat", image, boxes, axis=1)
    flat = len(site.tops) > 1 and len(site.tops[1]) == 1
    return (rois, site.op("Reshape", scores, site.ints(-1)) if flat else scores)[: len(site.tops)]
