"""Greedy non-maximum suppression as the detection layers of Caffe's forks share it, with NonMaxSuppression."""

import numpy as np
from onnx import TensorProto, helper

_TINY = float(np.finfo(np.float32).tiny)  # in place of 0, which OpenVINO reaches where nothing overlaps
ONE = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])


def kept(site, boxes, allowed, lists, count, threshold, most=None):
    """Returns which boxes are kept, bool (lists, count): those whose overlap with every kept one before is small.

    The operator is given ranks for scores, so that equal scores are no ties, and its answer is put back in place, as
    the standard says nothing of its order.

    Args:
        boxes: (lists, count, 4), best first; corners in any order that puts those of one end first.
        allowed: (lists, count) bool, which may be kept.
        threshold: the overlap up to which a box is kept, 0 or more.
        most: how many are kept of each list at most; None for all.
    """
    if threshold >= 1 and most is None:
        return allowed
    rank = site.constant(np.arange(count, 0, -1), "rank")
    scores = site.op("Where", allowed, rank, site.constant(0))
    scores = site.op("Reshape", scores, site.ints(lists, 1, count))
    threshold = min(max(float(threshold), _TINY), 1.0)
    limits = site.constant([threshold], "threshold"), site.constant([0])
    found = site.op("NonMaxSuppression", boxes, scores, site.ints(count if most is None else most), *limits)
    return marked(site, numbers(site, found, count), lists, count)


def kept_adaptively(site, boxes, allowed, lists, count, levels):
    """Returns the same where each box that is kept may lower the threshold: a round of a Loop for each box.

    Args:
        boxes: (lists, count, 4): xmin, ymin, xmax, ymax.
        levels: the thresholds that 0, 1, ... kept boxes leave; the last holds on.
    """
    low, high = site.op("Split", boxes, outputs=2, axis=2)
    areas = _area(site, low, high)
    level_of = site.constant(levels, "levels")

    def hold(number, kept):
        own_low, own_high = (
            site.op("Unsqueeze", site.op("Gather", v, number, axis=1), site.ints(1)) for v in (low, high)
        )
        own_area = site.op("Unsqueeze", site.op("Gather", areas, number, axis=1), site.ints(1))
        shared = _area(site, site.op("Max", low, own_low), site.op("Min", high, own_high))
        overlap = site.op("Div", shared, site.op("Sub", site.op("Add", areas, own_area), shared))
        held = site.op("Cast", kept, to=TensorProto.INT64)
        so_far = site.op("Min", site.op("ReduceSum", held, site.ints(1)), site.ints(len(levels) - 1))
        hit = site.op("And", site.op("Greater", overlap, site.op("Gather", level_of, so_far)), kept)
        hits = site.op("ReduceSum", site.op("Cast", hit, to=TensorProto.INT64), site.ints(1))
        free = site.op("And", allowed, site.op("Equal", hits, site.ints(0)))
        here = site.op("Equal", site.constant(np.arange(count), "places", np.int64), number)
        kept = site.op("Or", kept, site.op("And", free, here))
        return site.op("Equal", number, number), kept

    none = site.op("And", allowed, site.op("Not", allowed))
    return site.loop(hold, [none], [TensorProto.BOOL], count)[0]


def kept_where_touching(site, boxes, allowed, count, threshold, most):
    """Returns the same of one list whose sides count both ends, and whose boxes overlap only where they touch.

    NonMaxSuppression counts boxes less than a pixel apart as well. A round of a Loop for each box that is kept.

    Args:
        boxes: (count, 4): xmin, ymin, xmax, ymax.
        allowed: (count,) bool.
        most: how many are kept at most.
    """
    low, high = site.op("Split", boxes, outputs=2, axis=1)
    one, zero, limit = site.constant(1), site.constant(0), site.constant(threshold, "threshold")

    def area(sides):
        return site.op("ReduceProd", site.op("Add", sides, one), axes=[1], keepdims=0)

    areas = area(site.op("Sub", high, low))
    places = site.constant(np.arange(count), "places", np.int64)

    def hold(number, left, kept):
        place = site.op("ArgMax", site.op("Cast", left, to=TensorProto.FLOAT), axis=0, keepdims=1)
        own_low, own_high, own_area = (site.op("Gather", v, place, axis=0) for v in (low, high, areas))
        sides = site.op("Sub", site.op("Min", high, own_high), site.op("Max", low, own_low))
        touching = site.op("GreaterOrEqual", site.op("ReduceMin", sides, axes=[1], keepdims=0), zero)
        shared = area(sides)
        overlap = site.op("Div", shared, site.op("Sub", site.op("Add", areas, own_area), shared))
        hit = site.op("And", touching, site.op("Greater", overlap, limit))
        here = site.op("Equal", places, place)
        left = site.op("And", left, site.op("Not", site.op("Or", hit, here)))
        any_left = site.op("ReduceMax", site.op("Cast", left, to=TensorProto.FLOAT), axes=[0], keepdims=0)
        return site.op("Cast", any_left, to=TensorProto.BOOL), left, site.op("Or", kept, here)

    none = site.op("And", allowed, site.op("Not", allowed))
    return site.loop(hold, [allowed, none], [TensorProto.BOOL] * 2, most)[1]


def _area(site, low, high):
    """Returns width times height, (lists, boxes), 0 where a corner lies beyond the other."""
    sides = site.op("Max", site.op("Sub", high, low), site.constant(0))
    return site.op("ReduceProd", sides, axes=[2], keepdims=0)


def numbers(site, found, count):
    """Returns (M,) list * count + box of what NonMaxSuppression found, (M,3): list, class 0, box."""
    return site.op("ReduceSum", site.op("Mul", found, site.ints(count, 0, 1)), site.ints(1), keepdims=0)


def marked(site, places, lists, count):
    """Returns (lists, count) bool: whether the flat number of each place is among `places`, (M,)."""
    ones = site.op("ConstantOfShape", site.op("Shape", places), value=ONE)
    zeros = site.zeros(lists * count)
    there = site.op("Greater", site.op("ScatterElements", zeros, places, ones, axis=0), site.constant(0))
    return site.op("Reshape", there, site.ints(lists, count))


def table(site, kept, columns, items):
    """Returns (1,1,M,7) of the boxes kept, or a row (i, -1, -1, ...) for each of the items where none is.

    There is always a row, and rows are taken once: OpenCV 5.0 ends the process where a gather finds nothing to take.

    Args:
        kept: (boxes,) bool.
        columns: (boxes,1) image, label and score in as many parts as may be, and (boxes,4) corners.
    """
    count = site.op("ReduceSum", site.op("Cast", kept, to=TensorProto.INT64), site.ints(0))
    none = site.op("Expand", site.op("Equal", count, site.ints(0)), site.ints(items))
    rows = site.op("Concat", *columns, axis=1)
    rows = site.op("Concat", rows, site.constant(nothing(items), "nothing"), axis=0)
    places = site.op("Reshape", site.op("NonZero", site.op("Concat", kept, none, axis=0)), site.ints(-1))
    return site.op("Unsqueeze", site.op("Gather", rows, places, axis=0), site.ints(0, 1))


def nothing(items):
    """Returns the rows where no box was found, (items, 7)."""
    rows = np.full((items, 7), -1.0, np.float32)
    rows[:, 0] = np.arange(items)
    return rows
