"""Where the largest value of a rectangle is, for many rectangles of a map at once."""

import numpy as np

from zoo.layers.base.lazy import ops
from zoo.layers.ops.broadcast import add
from zoo.layers.ops.layout import to_caffe
from zoo.layers.ops.pooling import FLT_MAX


def range_argmax(x, image, rows, columns):
    """Finds the first largest value, row by row, of every rectangle in every channel.

    Values become ranks, which are whole numbers without ties; a table holds the least rank of every 2^i x 2^j span of
    the map, and four such spans cover a rectangle. Time and memory go by the map (log2 H log2 W tables of its size)
    and the number of rectangles, not by their sizes.

    Args:
        x: (N,H,W,C); no gradient goes through.
        image: (R,) int32, the item of `x` for each row of rectangles.
        rows: (first, end), (R,P) int32 each.
        columns: (first, end), (R,Q) int32 each.

    Returns:
        place: (R,P,Q,C) int32, row of `x` as (N*H*W, C); some row of the image for an empty rectangle.
        found: (R,P,Q,C) bool: a value above -FLT_MAX is there, from which Caffe's loops start; not so for NaN alone.
        empty: (R,P,Q) bool.
    """
    height, width, channels = x.shape[1:]
    area = height * width
    x = ops.cast(ops.stop_gradient(x), "float32")
    x = ops.where(x > -FLT_MAX, x, -FLT_MAX)
    lines = ops.reshape(to_caffe(x), (-1, channels, area))
    best_first = ops.argsort(-lines, axis=-1)
    rank = ops.argsort(best_first, axis=-1)
    rank = ops.reshape(ops.transpose(rank, (0, 2, 1)), (-1, height, width, channels))
    tall, wide = _levels(height), _levels(width)
    tables, table = [], ops.cast(rank, "int32")
    for i in range(tall):
        table = _doubled(table, 1, 2**i // 2, area)
        across = table
        for j in range(wide):
            across = _doubled(across, 2, 2**j // 2, area)
            tables.append(ops.reshape(across, (-1, 1, area, channels)))
    spans = ops.reshape(ops.concatenate(tables, axis=1), (-1, channels))

    empty = ops.logical_or(ops.expand_dims(rows[1] <= rows[0], 2), ops.expand_dims(columns[1] <= columns[0], 1))
    (level_h, tops), (level_w, lefts) = _two_spans(*rows, height), _two_spans(*columns, width)
    number = ops.reshape(image, (-1, 1, 1))
    first = add((number * tall + ops.expand_dims(level_h, 2)) * wide, ops.expand_dims(level_w, 1)) * area
    least = None
    for top in tops:
        for left in lefts:
            corner = add(add(first, ops.expand_dims(top, 2) * width), ops.expand_dims(left, 1))
            span = ops.take(spans, corner, axis=0)
            least = span if least is None else ops.minimum(least, span)

    channel = np.arange(channels, dtype=np.int32)
    number = ops.expand_dims(number, -1)
    ranked = (number * channels + channel) * area + least
    place = ops.take(ops.reshape(ops.cast(best_first, "int32"), (-1,)), ranked)
    place = number * area + place
    found = ops.take(ops.reshape(x, (-1,)), place * channels + channel) > -FLT_MAX
    return place, found, empty


def _levels(size):
    """How many powers of two are at most `size`."""
    return size.bit_length()


def _doubled(table, axis, shift, filler):
    """Spans of `shift` along `axis` -> spans of twice that; those over the edge keep what is inside."""
    if not shift:
        return table
    size = table.shape[axis]
    moved = table[:, shift:] if axis == 1 else table[:, :, shift:]
    pads = [(0, 0)] * 4
    pads[axis] = (0, shift)
    return ops.minimum(table, ops.pad(moved, pads, constant_values=filler)) if shift < size else table


def _two_spans(first, end, size):
    """Returns (log2 of the longest span within [first, end), (where it begins at the start, where it ends there))."""
    length = ops.clip(end - first, 1, size)
    first, level, long = ops.minimum(first, size - 1), ops.zeros_like(length), ops.ones_like(length)
    for i in range(1, _levels(size)):
        fits = ops.cast(length >= 2**i, "int32")
        level, long = level + fits, long + fits * 2 ** (i - 1)
    return level, (first, first + length - long)
