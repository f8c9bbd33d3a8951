"""Layers that treat every value alone; each function takes (layer, x, ...) and returns the top."""

import numpy as np

from zoo.errors import UnsupportedError


def absval(layer, x):
    """|x| (absval_layer.cpp:16-22)."""
    return np.abs(x)


def bnll(layer, x):
    """log(1 + e^x), written so that e^x cannot overflow (bnll_layer.cpp:10-21)."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def clip(layer, x):
    """min(max(x, low), high) (clip_layer.cpp:8-21)."""
    p = layer.message.clip_param
    return np.maximum(p.min, np.minimum(x, p.max))


def dropout(layer, x):
    """In TEST the identity (dropout_layer.cpp:30-46), or the factor that TRAIN left out; a drawn mask is refused."""
    p = layer.message.dropout_param
    if layer.phase == "TRAIN" or p.sample_weights_test:
        raise UnsupportedError(f"random in {layer.phase}, so there is no one answer", at=layer.place)
    return x if p.scale_train else x * (1 - p.dropout_ratio)


def elu(layer, x):
    """x above 0, alpha (e^x - 1) below (elu_layer.cpp:8-19)."""
    alpha = layer.message.elu_param.alpha
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def exp(layer, x):
    """base^(shift + scale x), base -1 meaning e (exp_layer.cpp:8-45)."""
    p = layer.message.exp_param
    return np.exp(_log_base(layer, p.base) * (p.shift + p.scale * x))


def log(layer, x):
    """Logarithm to the base of shift + scale x, base -1 meaning e (log_layer.cpp:8-54)."""
    p = layer.message.log_param
    return np.log(p.shift + p.scale * x) / _log_base(layer, p.base)


def power(layer, x):
    """(shift + scale x)^power (power_layer.cpp:8-41)."""
    p = layer.message.power_param
    return np.power(p.shift + p.scale * x, p.power)


def prelu(layer, x):
    """x above 0, slope x below, a slope a channel of axis 1 or one for all (prelu_layer.cpp:66-89)."""
    slope = layer.blobs[0]
    if not layer.message.prelu_param.channel_shared:
        slope = slope.reshape((-1,) + (1,) * (x.ndim - 2))
    return np.maximum(x, 0) + slope * np.minimum(x, 0)


def relu(layer, x):
    """max(x, 0) + negative_slope min(x, 0) (relu_layer.cpp:8-19)."""
    return np.maximum(x, 0) + layer.message.relu_param.negative_slope * np.minimum(x, 0)


def sigmoid_of(x):
    """1 / (1 + e^-x) for any x."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


def sigmoid(layer, x):
    """1 / (1 + e^-x) (sigmoid_layer.cpp:8-22)."""
    return sigmoid_of(x)


def swish(layer, x):
    """X times sigmoid(beta x) (swish_layer.cpp:28-40)."""
    return x * sigmoid_of(layer.message.swish_param.beta * x)


def tanh(layer, x):
    """Hyperbolic tangent (tanh_layer.cpp:10-19)."""
    return np.tanh(x)


def threshold(layer, x):
    """1 strictly above the threshold, else 0 (threshold_layer.cpp:7-23)."""
    return (x > layer.message.threshold_param.threshold).astype(x.dtype)


def _log_base(layer, base):
    if base == -1:
        return 1.0
    if base <= 0:
        raise layer.error("a base that has no logarithm", got=base, want="more than 0, or -1 for e")
    return np.log(base)


LAYERS = {
    "AbsVal": absval,
    "BNLL": bnll,
    "Clip": clip,
    "Dropout": dropout,
    "ELU": elu,
    "Exp": exp,
    "Log": log,
    "PReLU": prelu,
    "Power": power,
    "ReLU": relu,
    "Sigmoid": sigmoid,
    "Swish": swish,
    "TanH": tanh,
    "Threshold": threshold,
}
