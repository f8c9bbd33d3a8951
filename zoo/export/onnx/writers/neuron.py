"""Activations: layers that treat every value alone."""

import numpy as np

from zoo.export.onnx.registry import writer


@writer("ReLU")
def relu(site):
    """Relu, or LeakyRelu for a slope."""
    slope = site.kind.slope
    return site.op("LeakyRelu", site.inputs[0], alpha=slope) if slope else site.op("Relu", site.inputs[0])


@writer("PReLU")
def prelu(site):
    """PRelu, its slopes shaped to lie along axis 1."""
    shape = (1,) if site.kind.shared else (-1, *[1] * (len(site.bottoms[0]) - 2))
    return site.op("PRelu", site.inputs[0], site.blob(0, np.reshape(site.array(0), shape).shape))


@writer("Sigmoid")
def sigmoid(site):
    """Sigmoid."""
    return site.op("Sigmoid", site.inputs[0])


@writer("TanH")
def tanh(site):
    """Tanh."""
    return site.op("Tanh", site.inputs[0])


@writer("AbsVal")
def absolute(site):
    """Abs."""
    return site.op("Abs", site.inputs[0])


@writer("BNLL")
def bnll(site):
    """Softplus."""
    return site.op("Softplus", site.inputs[0])


@writer("ELU")
def elu(site):
    """Elu."""
    return site.op("Elu", site.inputs[0], alpha=site.kind.alpha)


@writer("Swish")
def swish(site):
    """X times the sigmoid of beta x."""
    (x,) = site.inputs
    return site.op("Mul", x, site.op("Sigmoid", times(site, x, site.kind.beta)))


@writer("Threshold")
def threshold(site):
    """A comparison as 0 or 1."""
    above = site.op("Greater", site.inputs[0], site.constant(site.kind.threshold, "threshold"))
    return site.op("Cast", above, to=1)


@writer("Clip")
def clip(site):
    """Clip; with min above max Caffe's value is min, ONNX's max."""
    low, high = site.constant(site.kind.min, "min"), site.constant(site.kind.max, "max")
    if site.kind.min > site.kind.max:
        return site.op("Max", site.op("Min", site.inputs[0], high), low)
    return site.op("Clip", site.inputs[0], low, high)


@writer("Power")
def power(site):
    """(shift + scale x)^power, with the operators that its numbers need."""
    kind = site.kind
    if kind.power == 0 or kind.scale == 0:
        value = np.float64(kind.shift) ** kind.power if kind.power else 1.0
        return plus(site, times(site, site.inputs[0], 0.0), value)
    y = plus(site, times(site, site.inputs[0], kind.scale), kind.shift)
    if kind.power == 1:
        return y
    if kind.power == 0.5:
        return site.op("Sqrt", y)
    return site.op("Mul", y, y) if kind.power == 2 else site.op("Pow", y, site.constant(kind.power, "power"))


@writer("Exp")
def exp(site):
    """exp(x log base scale) base^shift."""
    return times(site, site.op("Exp", times(site, site.inputs[0], site.kind.inner)), site.kind.outer)


@writer("Log")
def log(site):
    """log(shift + scale x) / log(base)."""
    inner = plus(site, times(site, site.inputs[0], site.kind.scale), site.kind.shift)
    return times(site, site.op("Log", inner), site.kind.factor)


@writer("Dropout")
def dropout(site):
    """Nothing in TEST, or the factor that TRAIN left out."""
    if site.kind.always or site.phase == "TRAIN":
        raise site.refuse("it draws at random each time that the net runs", "dropout_param")
    return site.inputs[0] if site.kind.scale_train else times(site, site.inputs[0], 1 - site.kind.ratio)


def times(site, x, factor):
    """Returns x times a number."""
    return x if factor == 1 else site.op("Mul", x, site.constant(factor, "factor"))


def plus(site, x, term):
    """Returns x plus a number."""
    return x if term == 0 else site.op("Add", x, site.constant(term, "term"))
