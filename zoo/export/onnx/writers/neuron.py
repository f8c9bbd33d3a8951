"""Activations."""

from zoo.export.onnx.registry import writer


@writer("ReLU")
def relu(site):
    """Relu, or LeakyRelu for a slope."""
    slope = site.kind.slope
    return site.op("LeakyRelu", site.inputs[0], alpha=slope) if slope else site.op("Relu", site.inputs[0])


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
