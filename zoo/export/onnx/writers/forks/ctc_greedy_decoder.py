"""CTCGreedyDecoder of caffe_ocr."""

import numpy as np
from onnx import TensorProto

from zoo.export.onnx.registry import writer
from zoo.layers.base.geometry import count

_FAR = 2**20  # more than any edit distance


@writer("CTCGreedyDecoder")
def ctc_greedy_decoder(site):
    """ArgMax, and what is kept of it at the front; with labels, how far that is from them."""
    steps, items, classes = site.bottoms[0][:3]
    blank = site.ints(site.kind.blank if site.kind.blank >= 0 else classes - 1)
    scores = site.op("Reshape", site.inputs[0], site.ints(steps, items, classes))
    best = site.op("Transpose", site.op("ArgMax", scores, axis=2, keepdims=0), perm=[1, 0])
    kept = site.op("Not", site.op("Equal", best, blank))
    if site.kind.merge and steps > 1:
        earlier = site.op("Slice", best, site.ints(0), site.ints(-1), site.ints(1))
        none = site.constant(np.full((items, 1), -1), "none", np.int64)
        before = site.op("Concat", none, earlier, axis=1)
        kept = site.op("And", kept, site.op("Not", site.op("Equal", best, before)))
    line, length = _packed(site, best, kept, steps)
    if len(site.inputs) == 1:
        return site.op("Reshape", site.op("Cast", line, to=TensorProto.FLOAT), site.ints(items, steps, 1, 1))
    given = site.op("Reshape", site.inputs[1], site.ints(items, -1))
    ended = site.op("Cast", site.op("Less", given, site.constant(0)), to=TensorProto.INT64)
    going = site.op("Equal", site.op("CumSum", ended, site.ints(1)), site.ints(0))
    truth = site.op("Cast", site.op("Add", given, site.constant(0.5)), to=TensorProto.INT64)
    counts = site.op("And", going, site.op("Not", site.op("Equal", truth, blank)))
    target, wanted = _packed(site, truth, counts, count(site.bottoms[1], 1))
    distance = _edit_distance(site, line, length, target, wanted)
    longer = site.op("Max", length, wanted)
    right = site.op("And", site.op("Equal", distance, site.ints(0)), site.op("Greater", longer, site.ints(0)))
    far, most = (site.op("Cast", v, to=TensorProto.FLOAT) for v in (distance, site.op("Max", longer, site.ints(1))))
    close = site.op("Sub", site.constant(1), site.op("ReduceMean", site.op("Div", far, most), axes=[0]))
    share = site.op("ReduceMean", site.op("Cast", right, to=TensorProto.FLOAT), axes=[0])
    return site.op("Reshape", site.op("Concat", close, share, axis=1), site.ints(1, 2, 1, 1))


def _packed(site, values, kept, size):
    """Returns the `kept` of integers (N, size) moved to the front with -1 after them, and how many they are (N,1)."""
    follow = site.constant(np.arange(size, 0, -1), "follow", np.int64)
    follow = site.op("Where", kept, follow, site.ints(0))
    follow, places = site.op("TopK", follow, site.ints(size), outputs=2, axis=1)
    line = site.op("GatherElements", values, places, axis=1)
    line = site.op("Where", site.op("Greater", follow, site.ints(0)), line, site.ints(-1))
    return line, site.op("ReduceSum", site.op("Cast", kept, to=TensorProto.INT64), site.ints(1))


def _edit_distance(site, a, a_length, b, b_length):
    """Returns the edit distance (N,1) of lines of integers (N, L), of which so many count.

    A round of a Loop for each value of `a`, which gives a row of the usual table from the one before; within a row a
    step to the right costs 1, so that the least over all starts of such steps is taken at once.
    """
    (steps, items), columns = site.bottoms[0][:2], count(site.bottoms[1], 1) + 1
    place = np.arange(columns)
    right = site.constant(np.where(place[:, None] <= place, place - place[:, None], _FAR), "right", np.int64)
    first, one = site.constant(np.tile(place, (items, 1)), "first", np.int64), site.ints(1)

    def row_after(number, row):
        value = site.op("Unsqueeze", site.op("Gather", a, number, axis=1), one)
        unequal = site.op("Cast", site.op("Not", site.op("Equal", b, value)), to=TensorProto.INT64)
        start = site.op("Add", site.op("Slice", row, site.ints(0), one, one), one)
        above = site.op("Slice", row, site.ints(1), site.ints(columns), one)
        before = site.op("Slice", row, site.ints(0), site.ints(columns - 1), one)
        rest = site.op("Min", site.op("Add", above, one), site.op("Add", before, unequal))
        start = site.op("Unsqueeze", site.op("Concat", start, rest, axis=1), site.ints(2))
        new = site.op("ReduceMin", site.op("Add", start, right), axes=[1], keepdims=0)
        row = site.op("Where", site.op("Greater", a_length, number), new, row)
        return site.op("Equal", number, number), row

    (row,) = site.loop(row_after, [first], [TensorProto.INT64], steps)
    return site.op("GatherElements", row, b_length, axis=1)
