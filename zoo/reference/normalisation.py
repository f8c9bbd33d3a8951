"""BatchNorm, LRN, MVN, Softmax, and the affine layers Scale and Bias."""

import numpy as np

from zoo.reference.layer import enum_name
from zoo.reference.windows import padded, windows


def batch_norm(layer, x):
    """(x - mean) / sqrt(var + eps) per channel, without slope or shift (batch_norm_layer.cpp:86-166).

    The running sums keep the unbiased variance, the normalisation uses the biased one.
    """
    p = layer.message.batch_norm_param
    means, variances, factor = layer.blobs
    axes = tuple(axis for axis in range(x.ndim) if axis != 1)
    use_sums = p.use_global_stats if p.HasField("use_global_stats") else layer.phase == "TEST"
    if use_sums:
        scale = 0 if factor[0] == 0 else 1 / factor[0]
        mean, variance = means * scale, variances * scale
    else:
        mean, variance = x.mean(axes), x.var(axes)
        count = x.size // x.shape[1]
        unbiased = variance * (count / (count - 1) if count > 1 else 1)
        keep = p.moving_average_fraction
        layer.after = [keep * means + mean, keep * variances + unbiased, keep * factor + 1]
    wide = (-1,) + (1,) * (x.ndim - 2)
    return (x - mean.reshape(wide)) / np.sqrt(variance.reshape(wide) + p.eps)


def lrn(layer, x):
    """X (k + alpha mean of squares)^-beta over neighbours (lrn_layer.cpp:8-162); windows count their zero padding.

    ACROSS_CHANNELS: local_size channels. WITHIN_CHANNEL: a square of that side, where k is not read and 1 is used.
    """
    p = layer.message.lrn_param
    half, n = (p.local_size - 1) // 2, p.local_size
    if enum_name(p, "norm_region") == "WITHIN_CHANNEL":
        squares = windows(padded(x**2, (half, half)), (n, n), (1, 1), (1, 1)).mean((-2, -1))
        return x * (1 + p.alpha * squares) ** -p.beta
    around = np.pad(x**2, [(0, 0), (half, half), (0, 0), (0, 0)])
    sums = sum(around[:, i : i + x.shape[1]] for i in range(n))
    return x * (p.k + p.alpha / n * sums) ** -p.beta


def mvn(layer, x):
    """(x - mean) / (sqrt(var) + eps) per plane or per item; the top has 4 axes always (mvn_layer.cpp:8-71)."""
    p = layer.message.mvn_param
    x = x.reshape(x.shape + (1,) * (4 - x.ndim))
    axes = (1, 2, 3) if p.across_channels else (2, 3)
    centred = x - x.mean(axes, keepdims=True)
    if not p.normalize_variance:
        return centred
    return centred / (np.sqrt((centred**2).mean(axes, keepdims=True)) + p.eps)


def softmax_of(x, axis):
    """e^x over its sum along `axis`, the largest taken off first."""
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def softmax(layer, x):
    """Softmax along `axis` (softmax_layer.cpp:26-60)."""
    return softmax_of(x, layer.axis(layer.message.softmax_param.axis, x))


def _spread(layer, vector, x, axis):
    """`vector` shaped so that its axes stand at those of `x` from `axis` on."""
    if vector.ndim == 0:
        return vector
    start = layer.axis(axis, x)
    end = start + vector.ndim
    if vector.shape != x.shape[start:end]:
        raise layer.error("the factor or bias does not fit", got=vector.shape, want=x.shape[start:end])
    return vector.reshape(vector.shape + (1,) * (x.ndim - end))


def scale(layer, x, factor=None):
    """X times a learned or given factor, plus a learned bias with bias_term (scale_layer.cpp:11-142)."""
    p, blobs = layer.message.scale_param, list(layer.blobs)
    factor = blobs.pop(0) if factor is None else factor
    top = x * _spread(layer, factor, x, p.axis)
    return top + _spread(layer, blobs.pop(0), x, p.axis) if p.bias_term else top


def bias(layer, x, added=None):
    """X plus a learned or given bias (bias_layer.cpp:9-87)."""
    return x + _spread(layer, layer.blobs[0] if added is None else added, x, layer.message.bias_param.axis)


LAYERS = {
    "BatchNorm": batch_norm,
    "Bias": bias,
    "LRN": lrn,
    "MVN": mvn,
    "Scale": scale,
    "Softmax": softmax,
}
