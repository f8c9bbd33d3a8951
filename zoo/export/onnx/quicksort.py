"""The order of PVANet's quicksort as a Loop; `zoo.layers.ops.quicksort` says what that sort does with equal scores."""

import numpy as np
from onnx import TensorProto


def order(site, scores, count):
    """Returns (count,) int64: which of the scores (count,) comes first, second, ..., best first.

    All parts of a round are divided at once, until none holds two different scores.
    """
    place = site.constant(np.arange(count), "places", np.int64)
    slots = site.constant(np.arange(count + 1), "slots", np.int64)  # one more, for what is not there
    none, one = site.ints(count), site.ints(1)

    def take(values, index):
        return site.op("Gather", values, index, axis=0)

    def marked(values):
        return site.op("CumSum", site.op("Cast", values, to=TensorProto.INT64), site.ints(0))

    def put(marks, targets, values):
        """Returns the slots with `values` at the `targets` of what is marked."""
        targets = site.op("Where", marks, targets, none)
        return site.op("ScatterElements", slots, targets, site.op("Where", marks, values, none), axis=0)

    def divide(number, order, first, last):
        here = take(scores, order)
        pivot = take(here, first)
        low, high = site.op("Less", here, pivot), site.op("Greater", here, pivot)
        # How many lower ones there are from the part's beginning up to a place, and higher ones from it to the end.
        lows, highs = marked(low), marked(high)
        lows = site.op("Sub", lows, take(lows, first))
        above = site.op("Sub", take(highs, last), highs)
        highs = site.op("Add", above, site.op("Cast", high, to=TensorProto.INT64))
        of_low, of_high = (site.op("Add", first, numbers) for numbers in (lows, highs))
        low_at, high_at = put(low, of_low, place), put(high, of_high, place)
        moves_right = site.op("And", low, site.op("GreaterOrEqual", above, lows))
        moves_left = site.op("And", high, site.op("GreaterOrEqual", lows, highs))
        partner = (take(at, site.op("Min", numbers, none)) for at, numbers in ((high_at, of_low), (low_at, of_high)))
        partner = site.op("Where", low, *partner)
        source = site.op("Where", site.op("Or", moves_right, moves_left), partner, place)
        # The pivot goes where the two met: the last swapped from the left, or the first from the right that was not.
        stops = site.op("Or", moves_right, site.op("And", high, site.op("Not", moves_left)))
        counted = marked(stops)
        stops = site.op("And", stops, site.op("Equal", counted, take(counted, last)))  # of a part the last
        middle = take(put(stops, first, place), first)
        begins, meets = site.op("Equal", first, place), site.op("Equal", middle, place)
        source = site.op("Where", begins, take(source, middle), site.op("Where", meets, first, source))
        before, after = site.op("Greater", middle, place), site.op("Less", middle, place)
        start = site.op("Where", after, site.op("Add", middle, one), site.op("Where", before, first, place))
        end = site.op("Where", before, site.op("Sub", middle, one), site.op("Where", after, last, place))
        unequal = site.op("Cast", site.op("Or", low, high), to=TensorProto.INT64)
        going = site.op("Greater", site.op("ReduceMax", unequal, keepdims=0), site.constant(0, dtype=np.int64))
        return going, take(order, source), start, end

    ends = (site.constant(np.full(count, end), "ends", np.int64) for end in (0, count - 1))
    return site.loop(divide, [place, *ends], [TensorProto.INT64] * 3, count)[0]
