"""Convolution3D and Pooling3D of C3D, window by window."""

import itertools
import math

import numpy as np

from zoo.reference.layer import enum_name
from zoo.reference.pooling import FLT_MAX


def _spans(sizes, windows, rounding):
    """For each axis a list of (first, end, area) of windows (kernel, stride, pad), not yet clipped to the bottom."""
    return [
        [
            (i * s - p, i * s - p + k, min(i * s - p + k, size + p) - (i * s - p))
            for i in range(rounding((size + 2 * p - k) / s) + 1)
        ]
        for size, (k, s, p) in zip(sizes, windows)
    ]


def convolution3d(layer, x):
    """Sums over channels and windows (convolution3d_layer.cpp:112-150)."""
    m = layer.message
    p = m.convolution3d_param if m.HasField("convolution3d_param") else m.convolution_param
    size, stride, pad = (list(v) or [d] for v, d in ((p.kernel_size, 0), (p.stride, 1), (p.pad, 0)))
    windows = [(p.kernel_depth, p.temporal_stride, p.temporal_pad), *[(size[0], stride[0], pad[0])] * 2]
    spans = _spans(x.shape[2:], windows, math.trunc)  # so that the only window of an axis may hang over
    x = np.pad(x, [(0, 0), (0, 0), *((w[2], w[2] + w[0]) for w in windows)])
    top = np.zeros((len(x), p.num_output, *map(len, spans)))
    for place in itertools.product(*(range(len(span)) for span in spans)):
        part = x[(..., *(slice(i * w[1], i * w[1] + w[0]) for i, w in zip(place, windows)))]
        top[(..., *place)] = np.einsum("nclhw,oclhw->no", part, layer.blobs[0])
    return top + layer.blobs[1].reshape(-1, 1, 1, 1) if p.bias_term else top


def pooling3d(layer, x):
    """Largest or mean of windows (pool3d_layer.cpp:73-150)."""
    m = layer.message
    p = m.pooling3d_param if m.HasField("pooling3d_param") else m.pooling_param
    windows = [(p.kernel_depth, p.temporal_stride, 0), *[(p.kernel_size, p.stride, p.pad)] * 2]
    spans = _spans(x.shape[2:], windows, math.ceil)
    top = np.zeros((*x.shape[:2], *map(len, spans)))
    for place in itertools.product(*(range(len(span)) for span in spans)):
        taken = [span[i] for i, span in zip(place, spans)]
        part = x[(..., *(slice(max(first, 0), end) for first, end, _ in taken))]
        if enum_name(p, "pool") == "MAX":
            top[(..., *place)] = part.max((2, 3, 4), initial=-FLT_MAX)
        else:
            top[(..., *place)] = part.sum((2, 3, 4)) / np.float64(math.prod(area for *_, area in taken))
    return top


LAYERS = {"Convolution3D": convolution3d, "Pooling3D": pooling3d}
