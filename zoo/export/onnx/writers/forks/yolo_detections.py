"""YoloDetectionOutput and Yolov3DetectionOutput."""

import math

import numpy as np
from onnx import TensorProto

from zoo.export.onnx import suppression
from zoo.export.onnx.registry import writer


@writer("YoloDetectionOutput")
def yolo_detection_output(site):
    """The likeliest class of each anchor."""
    kind, parts = site.kind, []
    for x, shape in zip(site.inputs, site.bottoms):
        boxes, thing, classes = _cells(site, x, shape, kind.biases[: kind.anchors], shape[3])
        chances = site.op("Softmax", classes, axis=-1)
        scores = site.op("Mul", thing, site.op("ReduceMax", chances, axes=[3], keepdims=1))
        there = site.op("GreaterOrEqual", scores, site.constant(kind.least))
        parts.append((boxes, scores, there, site.op("ArgMax", chances, axis=3)))
    return _rows(site, parts)


@writer("Yolov3DetectionOutput")
def yolov3_detection_output(site):
    """The best class of each anchor, or all of them where boxes that overlap wholly may both stay."""
    kind, parts = site.kind, []
    if kind.classes > 1 and abs(kind.threshold - 1) < 1e-6:
        why = "rounding decides whether two classes of one box, whose overlap is 1, both stay"
        raise site.refuse(why, "yolov3_detection_output_param.nms_threshold", got=f"{kind.threshold:g}")
    for x, shape, mask, scale in zip(site.inputs, site.bottoms, kind.masks, kind.scales):
        boxes, thing, classes = _cells(site, x, shape, kind.biases[mask], shape[3] * scale)
        scores = site.op("Mul", site.op("Sigmoid", classes), thing)
        if kind.follows_all:
            boxes = site.op("Reshape", boxes, site.ints(-1, 1, 4))
            boxes = site.op("Reshape", site.op("Tile", boxes, site.ints(1, kind.classes, 1)), site.ints(-1, 4))
            lines = site.bottoms[0][0] * kind.anchors * shape[2] * shape[3]
            labels = site.constant(np.tile(np.arange(kind.classes), lines), "labels", np.int64)
        else:
            labels = site.op("ArgMax", scores, axis=3)
            scores = site.op("ReduceMax", scores, axes=[3], keepdims=1)
        there = site.op("Greater", scores, site.constant(kind.least))
        parts.append((boxes, scores, there, labels))
    return _rows(site, parts, kind.classes if kind.follows_all else 1)


def _cells(site, x, shape, biases, size):
    """Returns (boxes: x, y, w, h; objectness, squashed; classes, raw) of (N, cells, anchors, ...) each."""
    n, _, side, _ = shape
    anchors, length = site.kind.anchors, 5 + site.kind.classes
    values = site.op("Reshape", x, site.ints(n, anchors, length, side * side))
    values = site.op("Transpose", values, perm=[0, 3, 1, 2])
    sizes = site.ints(2, 2, 1, site.kind.classes)
    place, log, thing, classes = site.op("Split", values, sizes, outputs=4, axis=3)
    row, column = np.indices((side, side)).reshape(2, -1, 1)
    cell = site.constant(np.stack([column, row], axis=2), "cell")
    middle = site.op("Div", site.op("Add", site.op("Sigmoid", place), cell), site.constant(side))
    extent = site.op("Mul", site.op("Exp", log), site.constant(biases, "biases"))
    extent = site.op("Div", extent, site.constant(size))
    return site.op("Concat", middle, extent, axis=3), site.op("Sigmoid", thing), classes


def _rows(site, parts, each=1):
    """Returns the top: all boxes in one list, best first, thinned out; `each` is how many there are of an anchor."""
    site.needs_sizes()
    kind, items = site.kind, site.bottoms[0][0]
    widths = (4, 1, 1, 1)
    boxes, scores, there, labels = (
        site.op("Concat", *(site.op("Reshape", v, site.ints(-1, width)) for v in of_all), axis=0)
        for of_all, width in zip(zip(*parts), widths)
    )
    count = each * sum(n * kind.anchors * h * w for n, _, h, w in site.bottoms)
    scores = site.op("Where", there, scores, site.constant(-math.inf))
    scores, order = site.op("TopK", scores, site.ints(count), outputs=2, axis=0)
    order = site.op("Reshape", order, site.ints(-1))
    boxes, labels = (site.op("Gather", v, order, axis=0) for v in (boxes, labels))
    middle, extent = site.op("Split", boxes, outputs=2, axis=1)
    half = site.op("Mul", extent, site.constant(0.5))
    boxes = site.op("Concat", site.op("Sub", middle, half), site.op("Add", middle, half), axis=1)
    allowed = site.op("Reshape", site.op("Greater", scores, site.constant(-math.inf)), site.ints(1, count))
    kept = site.op("Reshape", _kept(site, boxes, allowed, count), site.ints(-1))
    labels = site.op("Cast", site.op("Add", labels, site.ints(1)), to=TensorProto.FLOAT)
    image = site.constant(np.zeros((count, 1)), "image")
    return suppression.table(site, kept, (image, labels, scores, boxes), items)


def _kept(site, boxes, allowed, count):
    below = float(np.nextafter(site.kind.threshold, np.float32(-1)))  # what reaches the threshold goes too
    most = 1 if site.kind.threshold <= 0 else None  # the best box leaves no other
    boxes = site.op("Unsqueeze", boxes, site.ints(0))
    return suppression.kept(site, boxes, allowed, 1, count, max(below, 0.0), most)
