"""BatchNorm, LRN, MVN, Softmax, and the affine layers Scale and Bias."""

import numpy as np

from zoo.export.onnx.pooled import PooledPlanes
from zoo.export.onnx.registry import writer
from zoo.layers.base.geometry import Window, canonical_axis


@writer("BatchNorm")
def batch_norm(site):
    """BatchNormalization with the means that Caffe's sums stand for; or with the batch's own, composed."""
    (x,), kind = site.inputs, site.kind
    if kind.global_stats if kind.given else site.phase == "TEST":
        sums, squares, weight = (site.array(i).astype(np.float64) for i in range(3))
        factor = 1 / weight[0] if weight[0] else 0.0
        ones = np.ones(sums.shape)
        fixed = [("scale", ones), ("shift", ones * 0), ("mean", sums * factor), ("variance", squares * factor)]
        return site.op("BatchNormalization", x, *[site.constant(a, name) for name, a in fixed], epsilon=kind.eps)
    return normalized(site, x, kind.eps)


def normalized(site, x, eps):
    """Returns (x - mean) / sqrt(variance + eps) of each channel of bottom 0."""
    centred = site.op("Sub", x, channel_mean(site, x))
    variance = channel_mean(site, site.op("Mul", centred, centred))
    return site.op("Div", centred, site.op("Sqrt", site.op("Add", variance, site.constant(eps, "eps"))))


def channel_mean(site, x):
    """Returns the mean of each channel of a value of bottom 0's shape.

    In two steps, as OpenCV 5.0 mistakes axes that do not follow each other for others.
    """
    if rest := list(range(2, len(site.bottoms[0]))):
        x = site.op("ReduceMean", x, axes=rest)
    return site.op("ReduceMean", x, axes=[0])


@writer("LRN")
def lrn(site):
    """LRN across channels; within one, by an average pooling of the squares."""
    (x,), kind = site.inputs, site.kind
    if kind.across:
        return site.op("LRN", x, size=kind.size, alpha=kind.alpha, beta=kind.beta, bias=kind.k)
    sizes = site.bottoms[0][2:]
    windows = [Window(kind.size, pad=kind.size // 2)] * 2
    mean = PooledPlanes(site, sizes, windows, sizes).average(site.op("Mul", x, x))
    scale = site.op("Mul", mean, site.constant(kind.alpha, "alpha"))
    scale = site.op("Add", scale, site.constant(1.0, "one"))
    return site.op("Mul", x, site.op("Pow", scale, site.constant(-kind.beta, "minus_beta")))


@writer("MVN")
def mvn(site):
    """Less the mean, and over the deviation."""
    (x,), kind, (shape,) = site.inputs, site.kind, site.bottoms
    if len(shape) < 4:
        x = site.op("Unsqueeze", x, site.ints(*range(len(shape), 4)))
    axes = [1, 2, 3] if kind.across_channels else [2, 3]
    centred = site.op("Sub", x, site.op("ReduceMean", x, axes=axes))
    if not kind.normalize_variance:
        return centred
    variance = site.op("ReduceMean", site.op("Mul", centred, centred), axes=axes)
    deviation = site.op("Add", site.op("Sqrt", variance), site.constant(kind.eps, "eps"))
    return site.op("Div", centred, deviation)


@writer("Softmax")
def softmax(site):
    """Softmax."""
    return site.op("Softmax", site.inputs[0], axis=canonical_axis(site.kind.axis, len(site.bottoms[0])))


@writer("Scale")
def scale(site):
    """Mul, and Add with bias_term."""
    y = site.op("Mul", site.inputs[0], _second(site))
    if not site.kind.bias_term:
        return y
    return site.op("Add", y, _learned(site, site.blob_count - 1))


@writer("Bias")
def bias(site):
    """Add."""
    return site.op("Add", site.inputs[0], _second(site))


def _second(site):
    """Returns what is broadcast: the second bottom, or blob 0, with an axis for each of bottom 0 from `axis` on."""
    if len(site.inputs) == 1:
        return _learned(site, 0)
    tail = _tail(site, site.bottoms[1])
    if not tail:
        return site.inputs[1]
    rank = len(site.bottoms[1])
    return site.op("Unsqueeze", site.inputs[1], site.ints(*range(rank, rank + tail)))


def _learned(site, index):
    shape = site.array(index).shape
    return site.blob(index, (*shape, *[1] * _tail(site, shape)))


def _tail(site, shape):
    """Returns how many axes of bottom 0 come after those that `shape` lies over."""
    if not shape:
        return 0
    rank = len(site.bottoms[0])
    return rank - canonical_axis(site.kind.axis, rank) - len(shape)
