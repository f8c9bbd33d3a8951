"""Pooling, window by window, and SPP, which is made of it."""

import math
from dataclasses import dataclass

import numpy as np

from zoo.errors import UnsupportedError
from zoo.reference.layer import enum_name

FLT_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class _Along:
    """The windows along one axis."""

    size: int
    kernel: int
    stride: int
    pad: int
    count: int

    def window(self, i):
        """Returns (first, end, area): the part of window `i` inside the image, and how many places AVE divides by."""
        start = i * self.stride - self.pad
        over = min(start + self.kernel, self.size + self.pad)
        return max(start, 0), min(start + self.kernel, self.size), over - start


def pooling(layer, x):
    """Largest or mean of windows (pooling_layer.cpp:13-238); the second top of MAX says where in the plane.

    STOCHASTIC in TEST is the mean weighted by the values themselves (pooling_layer.cu:125-154).
    """
    p = layer.message.pooling_param
    if x.ndim != 4:
        raise layer.error("pooling wants 4 axes", got=x.ndim)
    if p.global_pooling:
        kernel, stride, pad = x.shape[2:], (1, 1), (0, 0)
    else:
        kernel = (p.kernel_size,) * 2 if p.HasField("kernel_size") else (p.kernel_h, p.kernel_w)
        stride = (p.stride_h, p.stride_w) if p.HasField("stride_h") else (p.stride,) * 2
        pad = (p.pad_h, p.pad_w) if p.HasField("pad_h") else (p.pad,) * 2
    method, rounding = enum_name(p, "pool"), enum_name(p, "round_mode")
    if p.HasField("ceil_mode"):  # of forks
        rounding = "CEIL" if p.ceil_mode else "FLOOR"
    if method == "STOCHASTIC" and layer.phase == "TRAIN":
        raise UnsupportedError("random in TRAIN, so there is no one answer", at=layer.place)
    return _pool(x, method, kernel, stride, pad, rounding, p.avg_include_pad)


def _pool(x, method, kernel, stride, pad, rounding="CEIL", counted=True):
    """Returns (top, place of each maximum in its plane, -1 where there is none)."""
    round_ = math.ceil if rounding == "CEIL" else math.floor
    axes = []
    for size, k, s, q in zip(x.shape[2:], kernel, stride, pad):
        count = round_(np.float32(size + 2 * q - k) / np.float32(s)) + 1
        if any(pad) and (count - 1) * s >= size + q:
            count -= 1  # its last window would begin in the far padding
        axes.append(_Along(size, k, s, q, count))
    down, across = axes
    top = np.zeros((*x.shape[:2], down.count, across.count))
    place = np.full(top.shape, -1.0)
    for i in range(down.count):
        for j in range(across.count):
            (top_row, end_row, tall), (left, end_column, wide) = down.window(i), across.window(j)
            part = x[:, :, top_row:end_row, left:end_column]
            if method == "MAX":
                top[:, :, i, j], place[:, :, i, j] = _largest(part, top_row, left, across.size)
            elif method == "AVE":
                top[:, :, i, j] = part.sum((2, 3)) / np.float64(tall * wide) if counted else part.mean((2, 3))
            else:
                total = part.sum((2, 3))
                top[:, :, i, j] = np.where(total > 0, (part**2).sum((2, 3)) / total, 0)
    return top, place


def _largest(part, top_row, left, width):
    """Value and place in the plane of the first maximum; -FLT_MAX and -1 where nothing exceeds -FLT_MAX."""
    flat = part.reshape(*part.shape[:2], -1)
    if flat.shape[2] == 0:
        return -FLT_MAX, -1
    flat = np.where(np.isnan(flat), -np.inf, flat)  # a comparison with NaN is never true
    first = flat.argmax(2)
    value = np.take_along_axis(flat, first[..., None], 2)[..., 0]
    row, column = np.divmod(first, part.shape[3])
    found = value > -FLT_MAX
    return np.where(found, value, -FLT_MAX), np.where(found, (top_row + row) * width + left + column, -1)


def spp(layer, x):
    """Poolings into 1, 4, 16, ... bins, flattened and joined (spp_layer.cpp:15-202); one level alone keeps 4 axes."""
    p = layer.message.spp_param
    levels = [_pool(x, enum_name(p, "pool"), *_level(x.shape[2:], 2**i))[0] for i in range(p.pyramid_height)]
    return levels[0] if len(levels) == 1 else np.concatenate([top.reshape(len(x), -1) for top in levels], 1)


def _level(sizes, bins):
    kernel = [math.ceil(size / bins) for size in sizes]
    pad = [(k * bins - size + 1) // 2 for k, size in zip(kernel, sizes)]
    return kernel, kernel, pad


LAYERS = {"Pooling": pooling, "SPP": spp}
