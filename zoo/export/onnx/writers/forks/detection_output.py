"""DetectionOutput of SSD."""

import math

import numpy as np
from onnx import TensorProto

from zoo.export.onnx import suppression
from zoo.export.onnx.registry import writer
from zoo.layers.ops.suppression import thresholds

_FAR = 2.0**20  # in images, where no box reaches


@writer("DetectionOutput")
def detection_output(site):
    """The best top_k of each list by TopK, suppression, the best keep_top_k by TopK; what is left stays in order."""
    kind = site.kind
    items, priors = site.bottoms[0][0], site.bottoms[2][2] // 4
    if kind.top_k == 0 or kind.keep_top_k == 0:
        return site.constant(suppression.nothing(items)[None, None], "nothing")
    labels = len(kind.labels)
    candidates = min(kind.top_k, priors) if kind.top_k > 0 else priors
    scores = _scores(site, items, priors)
    scores, order = site.op("TopK", scores, site.ints(candidates), outputs=2, axis=2)
    boxes = _boxes(site, items, priors)
    lists = items if kind.shared else items * labels
    places = site.op("Reshape", order, site.ints(lists, -1, 1))
    boxes = site.op("GatherND", boxes, places, batch_dims=1)
    each = site.op("Reshape", boxes, site.ints(items * labels, candidates, 4))
    scores = site.op("Reshape", scores, site.ints(items * labels, candidates))
    allowed = site.op("Greater", scores, site.constant(kind.least))
    each, levels = _apart(site, each, candidates), thresholds(kind.threshold, kind.eta, candidates)
    if len(levels) > 1:
        kept = suppression.kept_adaptively(site, each, allowed, items * labels, candidates, levels)
    else:
        kept = suppression.kept(site, each, allowed, items * labels, candidates, kind.threshold)
    per_item = site.ints(items, labels * candidates)
    scores, kept = site.op("Reshape", scores, per_item), site.op("Reshape", kept, per_item)
    if -1 < kind.keep_top_k < labels * candidates:
        kept = _best(site, scores, kept, items, labels * candidates)
    return _rows(site, kept, scores, boxes, items, candidates)


def _scores(site, items, priors):
    """Returns (items, labels, priors), the background left out."""
    scores = site.op("Reshape", site.inputs[1], site.ints(items, priors, site.kind.classes))
    return _of_labels(site, site.op("Transpose", scores, perm=[0, 2, 1]))


def _of_labels(site, value):
    """Leaves the background out of the classes along axis 1."""
    if len(site.kind.labels) == site.kind.classes:
        return value
    return site.op("Gather", value, site.ints(*site.kind.labels), axis=1)


def _boxes(site, items, priors):
    """Returns the decoded boxes (items, priors, 4), or (items * labels, priors, 4) where each label has its own."""
    kind, own = site.kind, 1 if site.kind.shared else site.kind.classes
    moved = site.op("Reshape", site.inputs[0], site.ints(items, priors, own, 4))
    moved = site.op("Transpose", moved, perm=[0, 2, 1, 3])
    if not kind.shared:
        moved = _of_labels(site, moved)
    moved = site.op("Reshape", moved, site.ints(-1, priors, 4))
    prior = site.op("Reshape", site.inputs[2], site.ints(-1, priors, 4))
    if not kind.in_target:
        variances = site.op("Slice", prior, site.ints(1), site.ints(2), site.ints(0))
        moved = site.op("Mul", variances, moved)
    prior = site.op("Slice", prior, site.ints(0), site.ints(1), site.ints(0))
    if kind.code_type == "CORNER":
        return site.op("Add", prior, moved)
    low, high = site.op("Split", prior, outputs=2, axis=2)
    size = site.op("Sub", high, low)
    if kind.code_type == "CORNER_SIZE":
        return site.op("Add", prior, site.op("Mul", moved, site.op("Concat", size, size, axis=2)))
    half = site.constant(0.5)
    place, log = site.op("Split", moved, outputs=2, axis=2)
    middle = site.op("Mul", site.op("Add", low, high), half)
    middle = site.op("Add", site.op("Mul", place, size), middle)
    reach = site.op("Mul", site.op("Mul", site.op("Exp", log), size), half)
    return site.op("Concat", site.op("Sub", middle, reach), site.op("Add", middle, reach), axis=2)


def _apart(site, boxes, count):
    """Returns boxes of which those without area lie far from all others: they suppress none and none suppresses them.

    As they are, NonMaxSuppression would swap corners that are the wrong way round, and runtimes differ in how they take
    two boxes of no size.
    """
    low, high = site.op("Split", boxes, outputs=2, axis=2)
    least = site.op("ReduceMin", site.op("Sub", high, low), axes=[2], keepdims=1)
    place = _FAR + 2.0 * np.arange(count)
    far = np.stack([place, np.zeros(count), place + 1, np.ones(count)], axis=1)
    nothing = site.op("LessOrEqual", least, site.constant(0))
    return site.op("Where", nothing, site.constant(far, "far"), boxes)


def _best(site, scores, kept, items, count):
    """Returns which of the kept are among the keep_top_k best of their image."""
    excluded = site.constant(-math.inf)
    wanted = site.ints(site.kind.keep_top_k)
    best, places = site.op("TopK", site.op("Where", kept, scores, excluded), wanted, outputs=2, axis=1)
    found = site.op("Cast", site.op("Greater", best, excluded), to=TensorProto.FLOAT)
    zeros = site.zeros(items, count)
    return site.op("Greater", site.op("ScatterElements", zeros, places, found, axis=1), site.constant(0))


def _rows(site, kept, scores, boxes, items, candidates):
    """Returns the top: what is kept, by image and place, and so by label and descending score."""
    labels = np.repeat(site.kind.labels, candidates)
    known = np.stack([np.repeat(np.arange(items), len(labels)), np.tile(labels, items)], axis=1)
    scores, boxes = (site.op("Reshape", value, site.ints(-1, width)) for value, width in ((scores, 1), (boxes, 4)))
    columns = site.constant(known, "image_and_label"), scores, boxes
    return suppression.table(site, site.op("Reshape", kept, site.ints(-1)), columns, items)
