"""Windows that slide over the last axes of an array, as views."""

import numpy as np


def padded(x, pad, value=0.0):
    """Returns `x` with its last len(pad) axes padded by pad[i] on both sides."""
    lead = x.ndim - len(pad)
    return np.pad(x, [(0, 0)] * lead + [(p, p) for p in pad], constant_values=value)


def windows(x, kernel, stride, dilation):
    """Returns a view of shape (leading axes..., windows..., kernel...) over the last len(kernel) axes of `x`.

    Only whole windows count: floor((size - (d(k-1)+1)) / s) + 1 along an axis (conv_layer.cpp:8-21).
    """
    n = len(kernel)
    if n == 0:
        return x
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    view = np.lib.stride_tricks.sliding_window_view(x, extent, axis=tuple(range(x.ndim - n, x.ndim)))
    lead = (slice(None),) * (x.ndim - n)
    return view[lead + tuple(slice(None, None, s) for s in stride) + tuple(slice(None, None, d) for d in dilation)]
