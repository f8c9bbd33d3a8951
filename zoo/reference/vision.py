"""Convolution and its relatives over any number of spatial axes, and Crop."""

import itertools
import math

import numpy as np

from zoo.reference.windows import padded, windows


def _per_axis(layer, p, name, n, default=None):
    """The numbers of one geometry field: one for all axes, one each, or the _h and _w forms (base_conv_layer.cpp)."""
    short = name.removesuffix("_size")
    if name != "dilation" and (p.HasField(f"{short}_h") or p.HasField(f"{short}_w")):
        if n != 2 or getattr(p, name):
            raise layer.error(f"{short}_h and {short}_w are for two spatial axes and stand alone", got=f"{n} axes")
        return [getattr(p, f"{short}_h"), getattr(p, f"{short}_w")]
    given = list(getattr(p, name))
    if not given and default is not None:
        return [default] * n
    if len(given) not in (1, n):
        raise layer.error(f"{name} does not fit the spatial axes", got=len(given), want=f"1 or {n}")
    return given * n if len(given) == 1 else given


def _geometry(layer, x):
    p = layer.message.convolution_param
    axis = layer.axis(p.axis, x)
    n = x.ndim - axis - 1
    sizes = (("kernel_size", None), ("pad", 0), ("stride", 1), ("dilation", 1))
    return p, axis, *(_per_axis(layer, p, name, n, default) for name, default in sizes)


def convolution(layer, *xs):
    """Every bottom by the same filters, no flip (base_conv_layer.cpp:11-200, conv_layer.cpp:7-40)."""
    return tuple(_convolve(layer, x) for x in xs)


def _convolve(layer, x):
    p, axis, kernel, pad, stride, dilation = _geometry(layer, x)
    weight, n = layer.blobs[0], len(kernel)
    items = x.reshape(-1, *x.shape[axis:])
    tops = []
    for item in items:
        view = windows(_reached(padded(item, pad), kernel, stride, dilation), kernel, stride, dilation)
        parts = []
        for group, part in enumerate(np.split(view, p.group)):
            filters = np.split(weight, p.group)[group]
            over = [0, *range(1 + n, 1 + 2 * n)]  # the channel and the kernel's axes
            parts.append(np.tensordot(filters, part, (range(1, 2 + n), over)))
        tops.append(np.concatenate(parts))
    top = np.stack(tops)
    return _with_bias(layer, p, top, n).reshape(*x.shape[:axis], *top.shape[1:])


def _reached(x, kernel, stride, dilation):
    """`x` with zeros at the end of an axis too short for its kernel by less than a stride: C divides toward zero."""
    short = [d * (k - 1) + 1 - size for size, k, d in zip(x.shape[1:], kernel, dilation)]
    return np.pad(x, [(0, 0), *((0, n if 0 < n < s else 0) for n, s in zip(short, stride))])


def deconvolution(layer, *xs):
    """The transpose of a convolution: every value spreads its filter, then `pad` goes (deconv_layer.cpp:7-40)."""
    return tuple(_deconvolve(layer, x) for x in xs)


def _deconvolve(layer, x):
    p, axis, kernel, pad, stride, dilation = _geometry(layer, x)
    weight, n = layer.blobs[0], len(kernel)
    items = x.reshape(-1, *x.shape[axis:])
    sizes = items.shape[2:]
    full = [s * (size - 1) + d * (k - 1) + 1 for size, k, s, d in zip(sizes, kernel, stride, dilation)]
    spread = np.zeros((len(items), p.num_output, *full))
    for offset in itertools.product(*map(range, kernel)):
        there = tuple(
            slice(o * d, o * d + s * (size - 1) + 1, s) for o, d, s, size in zip(offset, dilation, stride, sizes)
        )
        parts = [
            np.tensordot(filters, part, (0, 1)).swapaxes(0, 1)
            for filters, part in zip(np.split(weight[(..., *offset)], p.group), np.split(items, p.group, 1))
        ]
        spread[(slice(None), slice(None), *there)] += np.concatenate(parts, 1)
    kept = spread[(slice(None), slice(None), *(slice(q, size - q) for q, size in zip(pad, full)))]
    return _with_bias(layer, p, kept, n).reshape(*x.shape[:axis], *kept.shape[1:])


def _with_bias(layer, p, top, n):
    return top + layer.blobs[1].reshape((-1,) + (1,) * n) if p.bias_term else top


def im2col(layer, *xs):
    """What a convolution multiplies: channel and kernel as one axis (im2col_layer.cpp:106-159, im2col.cpp:18-55)."""
    return tuple(_columns(layer, x) for x in xs)


def _columns(layer, x):
    _, axis, kernel, pad, stride, dilation = _geometry(layer, x)
    n = len(kernel)
    view = windows(padded(x, pad), kernel, stride, dilation)
    out = view.shape[axis + 1 : axis + 1 + n]
    moved = np.moveaxis(view, range(axis + 1 + n, axis + 1 + 2 * n), range(axis + 1, axis + 1 + n))
    return moved.reshape(*x.shape[:axis], x.shape[axis] * math.prod(kernel), *out)


def crop(layer, x, like):
    """From `axis` on the sizes of bottom 1, beginning at the offsets (crop_layer.cpp:35-129)."""
    p = layer.message.crop_param
    start, given = layer.axis(p.axis, x), list(p.offset)
    n = x.ndim - start
    if len(given) not in (0, 1, n):
        raise layer.error("offset does not fit the cropped axes", got=len(given), want=f"0, 1 or {n}")
    offsets = given if len(given) == n else (given or [0]) * n
    ends = [offset + size for offset, size in zip(offsets, like.shape[start:])]
    if any(end > size for end, size in zip(ends, x.shape[start:])):
        raise layer.error("the crop reaches over the edge", got=f"up to {ends}", want=f"within {x.shape[start:]}")
    return x[(slice(None),) * start + tuple(slice(*pair) for pair in zip(offsets, ends))]


LAYERS = {
    "Convolution": convolution,
    "Crop": crop,
    "Deconvolution": deconvolution,
    "Im2col": im2col,
}
