"""What undoes a max pooling: values at the places that a mask names."""

import numpy as np

from zoo.layers.base.lazy import ops
from zoo.layers.ops import broadcast


def unpool(x, mask, top):
    """Returns (N,H',W',C) of zeros with value i of each plane of `x` at the place mask[i] = h W' + w.

    Of several values at one place the last in Caffe's order stays, but each gets the gradient that is there. NaN stands
    at place 0 for a value whose place no plane has.

    Args:
        x, mask: (N,H,W,C), the batch static.
        top: Caffe's shape (N,C,H',W').
    """
    batch, channels, height, width = top
    places = height * width
    plane = np.arange(batch)[:, None, None, None] * (places * channels) + np.arange(channels)
    place = ops.cast(ops.stop_gradient(mask), "int32")
    possible = ops.logical_and(place >= 0, place < places)
    where = broadcast.add(ops.where(possible, place, 0) * channels, plane.astype(np.int32))
    where = ops.reshape(where, (-1,))
    values, possible = ops.reshape(x, (-1,)), ops.reshape(possible, (-1,))
    count = batch * places * channels
    order = ops.cumsum(ops.ones_like(where))  # no constant, which a saved model would write out in digits
    last = ops.take(ops.segment_max(order, where, num_segments=count), where)
    fixed = ops.stop_gradient(values)
    kept = ops.where(possible, ops.where(ops.equal(last, order), fixed, 0), float("nan"))
    return ops.reshape(ops.segment_sum(kept + (values - fixed), where, num_segments=count), (batch, height, width, -1))
