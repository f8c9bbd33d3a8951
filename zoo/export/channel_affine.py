"""The numbers of layers y = a x + b with an a and a b for each channel that do not depend on the data."""

import numpy as np

from zoo.layers.base.geometry import canonical_axis

_OF_BATCH = "it takes the batch's own statistics"


def channel_affine(layer):
    """Returns (a, b), float64 (C,) each; None for a layer of another kind; a clause where it is no constant.

    Args:
        layer: has `kind`, `plan`, `message`, `bottoms`, `arrays` and `shared`, as in `folding`.
    """
    find = _KINDS.get(layer.kind)
    if not find or len(layer.bottoms) != 1 or len(layer.tops) != 1 or layer.message.loss_weight:
        return None
    shape = layer.plan.bottoms[0]
    if len(shape) < 2:
        return None
    if layer.shared:
        return "its blobs are shared"
    found = find(layer, shape, *(array.astype(np.float64) for array in layer.arrays))
    if not isinstance(found, tuple):
        return found
    a, b = (np.ones(shape[1]) * number for number in found)
    return (a, b) if np.isfinite(a).all() and np.isfinite(b).all() else "its numbers are not finite"


def _power(layer, shape):
    p = layer.message.power_param
    return (p.scale, p.shift) if p.power == 1 else None


def _scale(layer, shape, scale, bias=0.0):
    return (scale, bias) if _by_channel(layer.message.scale_param, layer, shape) else _NOT_BY_CHANNEL


def _bias(layer, shape, bias):
    return (1.0, bias) if _by_channel(layer.message.bias_param, layer, shape) else _NOT_BY_CHANNEL


_NOT_BY_CHANNEL = "it is not the same for a whole channel"


def _by_channel(param, layer, shape):
    """Whether a Scale or Bias has one number for all or one for each channel."""
    blob = layer.arrays[0]
    return not blob.ndim or (canonical_axis(param.axis, len(shape)) == 1 and blob.shape == (shape[1],))


def _batch_norm(layer, shape, mean, variance, count):
    p = layer.message.batch_norm_param
    if p.HasField("use_global_stats") and not p.use_global_stats:
        return _OF_BATCH
    factor = 1 / count[0] if count[0] else 0.0
    return _normalized(mean * factor, variance * factor + np.float64(np.float32(p.eps)))


def _nvidia(layer, shape, mean, variance, _, scale=1.0, bias=0.0):
    return _normalized(mean, variance + layer.plan.type.eps, scale, bias)


def _nvidia15(layer, shape, scale, bias, mean, variance, _):
    kind = layer.plan.type
    return _normalized(mean, variance + kind.eps, scale, bias) if kind.global_stats else _OF_BATCH


def _segnet(layer, shape, scale, shift):
    return _OF_BATCH if layer.plan.type.learns else (scale.ravel(), shift.ravel())


def _psp(layer, shape, *blobs):
    slope, bias, mean, variance = (blob.ravel() for blob in blobs)
    return _normalized(mean, variance + layer.plan.type.eps, slope, bias)


def _happynear(layer, shape, *blobs):
    slope, bias, mean, factor = (blob.ravel() for blob in blobs)
    return slope * factor, bias - mean * factor * slope


def _normalized(mean, spread, scale=1.0, bias=0.0):
    """Returns (a, b) of scale (x - mean) / sqrt(spread) + bias."""
    with np.errstate(invalid="ignore", divide="ignore"):
        a = scale / np.sqrt(spread)
        return a, bias - mean * a


_KINDS = {
    "BatchNorm": _batch_norm,
    "BatchNorm (nvidia)": _nvidia,
    "BatchNorm (nvidia15)": _nvidia15,
    "Bias": _bias,
    "BN (happynear)": _happynear,
    "BN (psp)": _psp,
    "BN (segnet)": _segnet,
    "Power": _power,
    "Scale": _scale,
}
