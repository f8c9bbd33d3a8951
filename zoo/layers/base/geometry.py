"""Sizes as Caffe's integer arithmetic gives them, and where Caffe's axes lie in Keras. Integers only; no TensorFlow.

Sizes are in values of one spatial axis unless said otherwise. Line numbers are those of BVLC/caffe 9b8915401.
"""

import math
from typing import NamedTuple

from zoo.errors import NetError


class Window(NamedTuple):
    """Kernel, stride, pad and dilation of a sliding window along one spatial axis."""

    kernel: int
    stride: int = 1
    pad: int = 0
    dilation: int = 1

    @property
    def extent(self):
        """What the dilated kernel spans."""
        return self.dilation * (self.kernel - 1) + 1


def canonical_axis(axis, rank, at=None, field="axis"):
    """Returns `axis` as 0 <= axis < rank; a negative one counts from the end (blob.hpp:118-131).

    Raises:
        NetError: there is no such axis; placed at `at`, and said of `field`.
    """
    if not -rank <= axis < rank:
        what = "no such axis" if field == "axis" else f"no such axis, by {field}"
        raise NetError(what, at=at, got=axis, want=f"{-rank} to {rank - 1} for a blob of {rank} axes")
    return axis % rank


def keras_axis(axis, rank, at=None):
    """Returns where Caffe's `axis` of a blob of that rank lies in the Keras tensor.

    Rank 4 is (N,C,H,W) in Caffe and (N,H,W,C) in Keras; every other rank has one order. This is the only place where
    a Caffe axis becomes a Keras axis.
    """
    axis = canonical_axis(axis, rank, at)
    return (0, 3, 1, 2)[axis] if rank == 4 else axis


def keras_shape(shape):
    """Returns Caffe's `shape` in the order of the Keras tensor."""
    order = [keras_axis(axis, len(shape)) for axis in range(len(shape))]
    return tuple(size for _, size in sorted(zip(order, shape)))


def count(shape, start=0, end=None):
    """Returns the number of values in axes start..end-1 of `shape` (blob.hpp:85-105); 1 for no axes."""
    return math.prod(shape[start:end])


def conv_size(size, window):
    """Returns the output size of a convolution (conv_layer.cpp:8-22).

    The division is C's, toward zero: a kernel that misses its padded input by less than one stride still gives one
    output, the missing values being zeros. The result may be below 1, which the caller refuses.
    """
    room = size + 2 * window.pad - window.extent
    return (room // window.stride if room >= 0 else -(-room // window.stride)) + 1


def deconv_size(size, window):
    """Returns the output size of a deconvolution (deconv_layer.cpp:8-22); may be below 1."""
    return window.stride * (size - 1) + window.extent - 2 * window.pad


def pool_size(size, window, ceil=True, padded=None):
    """Returns the output size of pooling along one axis (pooling_layer.cpp:91-117); may be below 1.

    Args:
        size: of the input.
        window: of dilation 1.
        ceil: round up (Caffe's default) or down.
        padded: whether any axis has padding, which is when a last window that would begin in the padding is dropped;
            by default whether this axis has.
    """
    room = size + 2 * window.pad - window.kernel
    pooled = (-(-room // window.stride) if ceil else room // window.stride) + 1
    if (window.pad > 0 if padded is None else padded) and (pooled - 1) * window.stride >= size + window.pad:
        pooled -= 1
    return pooled


def pool_divisors(size, window, pooled, padding=True):
    """Returns the divisor of AVE pooling for each of `pooled` windows along one axis (pooling_layer.cpp:210-215).

    Padding counts, what hangs over its far end does not. A window past that end has a divisor of 0 or less.

    Args:
        size: of the input.
        window: of dilation 1.
        pooled: how many windows.
        padding: False where padding does not count either.
    """
    starts = [i * window.stride - window.pad for i in range(pooled)]
    if not padding:
        return tuple(min(start + window.kernel, size) - max(start, 0) for start in starts)
    return tuple(min(start + window.kernel, size + window.pad) - start for start in starts)


def cover(size, window, out):
    """Returns (before, after): the padding with which `out` windows that all lie inside the input are Caffe's.

    Where it is less than Caffe's own padding, no window reaches the rest; where it is more, windows hang over.
    """
    return window.pad, max(0, (out - 1) * window.stride + window.extent - size - window.pad)


def same_is_exact(size, window, out):
    """Returns whether TensorFlow's SAME lays `out` windows exactly where Caffe does.

    SAME gives ceil(size / stride) windows and splits the padding they need evenly, the odd one at the end
    (https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2).
    """
    if out != -(-size // window.stride):
        return False
    total = max(0, (out - 1) * window.stride + window.extent - size)
    return total // 2 == window.pad


def spp_window(size, level):
    """Returns the pooling window of a pyramid level, which has 2^level bins along the axis (spp_layer.cpp:18-40)."""
    bins = 2**level
    kernel = -(-size // bins)
    return Window(kernel, stride=kernel, pad=(kernel * bins - size + 1) // 2)
