"""BN of SegNet, of PSPNet and of happynear, and NVIDIA's BatchNorm."""

import numpy as np

from zoo.export.onnx.registry import writer
from zoo.export.onnx.writers.normalisation import channel_mean, normalized


@writer("BN (segnet)")
def segnet(site):
    """By the statistics of the batch, or scale and shift alone. Tops: y[, mean[, variance]]."""
    x = site.inputs[0]
    scale, shift = site.blob(0), site.blob(1)
    if not site.kind.learns:
        return site.op("Add", site.op("Mul", x, scale), shift)
    mean, squares = channel_mean(site, x), channel_mean(site, site.op("Mul", x, x))
    variance = site.op("Sub", squares, site.op("Mul", mean, mean))
    deviation = site.op("Sqrt", site.op("Add", variance, site.constant(1e-9)))
    unit = site.op("Div", site.op("Sub", x, mean), deviation)
    return (site.op("Add", site.op("Mul", unit, scale), shift), mean, variance)[: len(site.tops)]


@writer("BN (psp)")
def psp(site):
    """BatchNormalization."""
    slope, bias, mean, variance = (site.array(i).ravel() for i in range(4))
    return _by_statistics(site, slope, bias, mean, variance, site.kind.eps)


@writer("BN (happynear)")
def happynear(site):
    """BatchNormalization with the slope times the inverse deviation, and a variance of 1."""
    slope, bias, mean, inverse = (site.array(i).ravel() for i in range(4))
    return _by_statistics(site, slope * inverse, bias, mean, np.ones_like(mean), 0.0)


@writer("BatchNorm (nvidia)")
def nvidia(site):
    """BatchNormalization."""
    mean, variance, _, *affine = (site.array(i).ravel() for i in range(site.blob_count))
    slope, bias = affine or (np.ones_like(mean), np.zeros_like(mean))
    return _by_statistics(site, slope, bias, mean, variance, site.kind.eps)


@writer("BatchNorm (nvidia15)")
def nvidia15(site):
    """BatchNormalization; by the batch's own statistics composed."""
    if site.kind.global_stats:
        slope, bias, mean, variance = (site.array(i).ravel() for i in range(4))
        return _by_statistics(site, slope, bias, mean, variance, site.kind.eps)
    shape = (site.bottoms[0][1], *[1] * (len(site.bottoms[0]) - 2))
    y = normalized(site, site.inputs[0], site.kind.eps)
    return site.op("Add", site.op("Mul", y, site.blob(0, shape)), site.blob(1, shape))


def _by_statistics(site, slope, bias, mean, variance, eps):
    pairs = zip(("slope", "bias", "mean", "variance"), (slope, bias, mean, variance))
    return site.op("BatchNormalization", site.inputs[0], *(site.constant(v, name) for name, v in pairs), epsilon=eps)
