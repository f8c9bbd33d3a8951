"""What the layer types that normalise by a batch have in common: statistics, slope and bias for each channel."""

from zoo.layers.base.geometry import keras_axis
from zoo.layers.base.lazy import keras, ops
from zoo.layers.ops.broadcast import add
from zoo.layers.ops.variables import reader


def channel_shape(rank):
    """Returns the shape in which a value for each channel broadcasts over a Keras tensor of that rank."""
    shape = [1] * rank
    shape[keras_axis(1, rank)] = -1
    return shape


def channel_mean(x, rank):
    """Returns the mean of each channel (C) over all other axes of a Keras tensor."""
    return ops.mean(x, axis=[axis for axis in range(rank) if axis != keras_axis(1, rank)])


def readers(site, names):
    """Returns a `reader` of float32 for each of the site's variables; `names` tells them apart."""
    return [
        reader(variable, f"{site.name}__{name}", site.portable, "float32")
        for variable, name in zip(site.variables, names, strict=True)
    ]


def normalize(x, mean, factor, slope, bias, rank, through=None):
    """Returns (x - mean) * factor * slope + bias in the dtype of `x`; the others are float32 (C), slope may be None.

    (x - mean) * factor goes through the layer `through` where there is one, and neither gets a gradient then.
    """
    laid = channel_shape(rank)
    if through is not None:
        mean, factor = ops.stop_gradient(mean), ops.stop_gradient(factor)
    y = (ops.cast(x, "float32") - ops.reshape(mean, laid)) * ops.reshape(factor, laid)
    if through is not None:
        y = through(y)
    if slope is not None:
        y = add(y * ops.reshape(slope, laid), ops.reshape(bias, laid))
    return ops.cast(y, x.dtype)


def batch_gradient(site):
    """Returns the layer for `normalize` whose gradient is that by the batch's own statistics; None where exported."""
    if site.portable:
        return None
    from zoo.layers.keras_layers.batch_gradient import BatchGradient

    return BatchGradient(keras_axis(1, len(site.bottoms[0])), name=f"{site.name}__batch_gradient")


def by_batch(site, eps, name):
    """Returns ``f(x, slope, bias) -> (y, mean (C), variance (C))``: by the batch's mean and its centred variance.

    The variance is the biased one, and y = slope (x - mean) / sqrt(variance + eps) + bias; slope and bias may be None.
    With TensorFlow the fused kernel does it for rank 4.
    """
    rank = len(site.bottoms[0])
    if rank == 4 and not site.portable:
        from zoo.layers.keras_layers.fused_batch_norm import FusedBatchNorm

        fused = FusedBatchNorm(eps, name=name)
        return lambda x, slope, bias: fused([x] if slope is None else [x, slope, bias])

    def apply(x, slope, bias):
        x32, laid = ops.cast(x, "float32"), channel_shape(rank)
        mean = channel_mean(x32, rank)
        variance = channel_mean(ops.square(x32 - ops.reshape(mean, laid)), rank)
        return normalize(x, mean, 1 / ops.sqrt(variance + eps), slope, bias, rank), mean, variance

    return apply


def keeps(site):
    """Returns whether running values move: not in an exported net, as no stock layer of Keras keeps such values."""
    return not (site.portable and keras.backend.backend() == "tensorflow")


def keeper(site, variables):
    """Returns ``f(y, values) -> y`` that stores values in variables whenever it runs, where the net `keeps` any."""
    if not keeps(site):
        return lambda y, values: y
    from zoo.layers.keras_layers.carried_state import StoreState

    store = StoreState(variables, name=f"{site.name}__keep", dtype="float32", autocast=False)
    return lambda y, values: store([y, *map(ops.stop_gradient, values)])
