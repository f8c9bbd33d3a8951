"""BN of SegNet, of PSPNet and of happynear, and NVIDIA's two BatchNorms."""

import numpy as np

from zoo.reference import normalisation
from zoo.reference.layer import enum_name


def _wide(values, x):
    """One value for each channel, along axis 1 of `x`."""
    return np.reshape(values, (-1,) + (1,) * (x.ndim - 2))


def _axes(x):
    return tuple(axis for axis in range(x.ndim) if axis != 1)


def bn(layer, x):
    """By the number of blobs: SegNet's has two. happynear's have two axes where PSPNet's have four."""
    if len(layer.blobs) == 2:
        return _segnet(layer, x)
    return _psp(layer, x, inverse=layer.blobs[3].ndim == 2)


def _segnet(layer, x):
    """Statistics of the batch in both phases, or, with INFERENCE, scale and shift alone (bn_layer.cpp:83-226)."""
    scale, shift = (_wide(blob, x) for blob in layer.blobs)
    if enum_name(layer.message.bn_param, "bn_mode") == "INFERENCE":
        return scale * x + shift
    mean = x.mean(_axes(x))
    variance = (x**2).mean(_axes(x)) - mean**2
    y = scale * (x - _wide(mean, x)) / np.sqrt(_wide(variance, x) + 1e-9) + shift
    tops = y, mean.reshape(1, -1, 1, 1), variance.reshape(1, -1, 1, 1)
    return tops[: len(layer.message.top)] if len(layer.message.top) > 1 else y


def _psp(layer, x, inverse):
    """Running averages in TEST and frozen, else the batch's own, which move them (bn_layer.cpp:95-204).

    `inverse`: the last blob holds 1 / sqrt(var + eps).
    """
    p = layer.message.bn_param
    slope, bias, running, spread = layer.blobs
    if p.frozen or layer.phase == "TEST":
        mean = running.ravel()
        deviation = 1 / spread.ravel() if inverse else np.sqrt(spread.ravel() + p.eps)
    else:
        mean, variance = x.mean(_axes(x)), x.var(_axes(x))
        deviation = np.sqrt(variance + p.eps)
        moved = [
            p.momentum * old + (1 - p.momentum) * new.reshape(old.shape)
            for old, new in ((running, mean), (spread, 1 / deviation if inverse else variance))
        ]
        layer.after = [slope, bias, *moved]
    return _wide(slope, x) * (x - _wide(mean, x)) / _wide(deviation, x) + _wide(bias, x)


def batch_norm(layer, x):
    """BVLC's, unless a field of NVIDIA's is set (batch_norm_layer.cpp:166-250 at NVIDIA/caffe@caffe-0.17).

    The first pass of a net, so that running values become the batch's, its variance with eps.
    """
    p = layer.message.batch_norm_param
    if "nvidia15" in layer.forks:
        return _nvidia15(layer, x, p)
    affine = p.scale_bias or p.HasField("scale_filler") or p.HasField("bias_filler")
    if not (affine or p.HasField("engine")):
        return normalisation.batch_norm(layer, x)
    eps = max(p.eps, np.float32(1e-5))
    mean, variance = layer.blobs[:2]
    if layer.phase == "TRAIN":
        mean, variance = x.mean(_axes(x)), x.var(_axes(x))
        layer.after = [mean, variance + eps, *layer.blobs[2:]]
    y = (x - _wide(mean, x)) / np.sqrt(_wide(variance, x) + eps)
    return y * _wide(layer.blobs[3], x) + _wide(layer.blobs[4], x) if affine else y


def _nvidia15(layer, x, p):
    """Blobs scale, bias, mean, variance, spare (batch_norm_layer.cpp:137-218 at NVIDIA/caffe@caffe-0.15).

    The first pass of a net, which replaces the running values.
    """
    scale, bias, mean, variance, spare = layer.blobs
    if not (p.use_global_stats if p.HasField("use_global_stats") else layer.phase == "TEST"):
        mean, variance = x.mean(_axes(x)), x.var(_axes(x))
        layer.after = [scale, bias, mean, variance, spare]
    return _wide(scale, x) * (x - _wide(mean, x)) / np.sqrt(_wide(variance, x) + p.eps) + _wide(bias, x)


LAYERS = {"BN": bn, "BatchNorm": batch_norm}
