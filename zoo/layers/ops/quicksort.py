"""The order into which a certain quicksort brings scores of which some are equal."""

import numpy as np

from zoo.layers.base.lazy import ops


def sorted_order(scores, rounds):
    """Returns (T,) int32: which of the T scores comes first, second, ... by PVANet's quicksort, best first.

    That sort takes the first of a range for its pivot, swaps the first lower score from the left with the first higher
    one from the right as long as they have not met, puts the pivot where they met, and goes on with both parts. Where
    scores are equal, as the zeros of small boxes are, their order follows from all these swaps. Here all parts of a
    round are divided at once. What is not sorted after `rounds` rounds is sorted with equal scores left in order.

    Args:
        scores: (T,) float32.
    """
    state = begun(scores)
    for _ in range(rounds):
        state = divided(scores, state)
    order = state[0]
    return ops.take(order, ops.argsort(-ops.take(scores, order)))


def rounds_for(count):
    """Returns how many rounds sort `count` scores that are not arranged against it."""
    return 4 * int(count).bit_length() + 16


def begun(scores):
    """Returns the state in which all scores are one part."""
    place = np.arange(scores.shape[0], dtype=np.int32)
    zero = ops.zeros_like(scores, dtype="int32")
    return zero + place, zero, zero + place[-1]


def divided(scores, state):
    """Returns the state after each part was divided once.

    Args:
        state: (order, first, last), (T,) int32 each: which score is at each place, and the ends of the part it is in.
    """
    order, first, last = state
    count = scores.shape[0]
    place = np.arange(count, dtype=np.int32)
    here = ops.take(scores, order)
    pivot = ops.take(here, first)
    low, high = here < pivot, here > pivot
    lows, highs = (ops.cumsum(ops.cast(v, "int32")) for v in (low, high))
    # How many lower ones there are from the part's beginning up to a place, and higher ones from it to the end.
    lows = lows - ops.take(lows, first)
    above = ops.take(highs, last) - highs
    highs = above + ops.cast(high, "int32")
    low_at, high_at = _numbered(low, first, lows, place), _numbered(high, first, highs, place)
    moves_right = ops.logical_and(low, above >= lows)
    moves_left = ops.logical_and(high, lows >= highs)
    partner = ops.where(
        low, ops.take(high_at, _inside(first + lows, count)), ops.take(low_at, _inside(first + highs, count))
    )
    source = ops.where(ops.logical_or(moves_right, moves_left), partner, place)
    # The pivot goes where the two met: the last swapped from the left, or the first from the right that was not.
    stops = ops.logical_or(moves_right, ops.logical_and(high, ops.logical_not(moves_left)))
    middle = ops.segment_max(ops.where(stops, place, first), first, num_segments=count)
    middle = ops.take(middle, first)
    source = ops.where(
        ops.equal(first, place), ops.take(source, middle), ops.where(ops.equal(middle, place), first, source)
    )
    order = ops.take(order, source)
    before, after = middle > place, middle < place
    alone = ops.logical_not(ops.logical_or(before, after))
    start = ops.where(alone, place, ops.where(after, middle + 1, first))
    end = ops.where(alone, place, ops.where(before, middle - 1, last))
    return order, start, end


def _numbered(marked, first, number, place):
    """Returns (T,) int32 in which first + number of each marked place holds that place."""
    target = ops.where(marked, first + number, len(place))
    return ops.segment_sum(ops.where(marked, place, 0), target, num_segments=len(place) + 1)


def _inside(index, count):
    return ops.minimum(index, count)
