"""How a parameter blob starts: FillerParameter -> float32 array of Caffe's shape (filler.hpp:33-287)."""

import math

import numpy as np

from zoo.errors import NetError, UnsupportedError, did_you_mean
from zoo.formats import caffe_pb2


def fill(filler, shape, rng, at=None):
    """Returns a float32 array of Caffe's `shape` as `filler` starts it.

    Args:
        filler: a FillerParameter; None or an empty one gives zeros.
        shape: Caffe's shape of the blob, outermost first; () for a scalar.
        rng: a `numpy.random.Generator`; the draws are a function of its state alone.
        at: the `Place` that an error names.

    Raises:
        UnsupportedError: no such filler type.
        NetError: the type cannot fill such a shape, or its fields make no sense.
    """
    filler = caffe_pb2.FillerParameter() if filler is None else filler
    check(filler, shape, at)
    return np.asarray(_FILLERS[filler.type](filler, tuple(shape), rng), np.float32).reshape(shape)


def check(filler, shape, at=None):
    """Raises as `fill` would, without filling."""
    if filler.type not in _FILLERS:
        raise UnsupportedError(
            f'unknown filler type "{filler.type}"', at=at, hint=did_you_mean(filler.type, _FILLERS) or _all_types()
        )
    if any(dim < 1 for dim in shape):
        raise NetError("a filler needs a blob that is not empty", at=at, got=tuple(shape))
    if filler.sparse != -1:
        if filler.type != "gaussian":
            raise NetError(f'filler "{filler.type}" cannot be sparse', at=at, hint="only gaussian can")
        if filler.sparse < 0 or not shape or filler.sparse > shape[0]:
            want = f"0 to {shape[0]}, the blob's first dimension" if shape else "a blob with axes"
            raise NetError("sparse filler cannot fill the blob", at=at, got=filler.sparse, want=want)
    if filler.type in ("positive_unitball", "xavier", "msra") and not shape:
        raise NetError(f'filler "{filler.type}" needs a blob with axes', at=at, got="a scalar")
    if filler.type == "bilinear" and (len(shape) != 4 or shape[2] != shape[3]):
        raise NetError('filler "bilinear" needs 4 axes, the last two alike', at=at, got=tuple(shape))
    if filler.type == "uniform" and filler.min > filler.max:
        raise NetError("uniform filler has min above max", at=at, got=f"{filler.min:g} to {filler.max:g}")
    if filler.type == "gaussian" and filler.std <= 0:
        raise NetError("gaussian filler needs std above 0", at=at, got=f"{filler.std:g}")


def fan(filler, shape):
    """Returns n of xavier and msra: fan_in = count/shape[0], fan_out = count/shape[1] (count for one axis) or the mean.

    The names are right for convolutions only; for InnerProduct's (outputs, inputs) Caffe divides just so too
    (filler.hpp:149-161).
    """
    count = math.prod(shape)
    fan_in = count // shape[0]
    fan_out = count // shape[1] if len(shape) > 1 else count
    norms = caffe_pb2.FillerParameter
    return {norms.FAN_IN: fan_in, norms.FAN_OUT: fan_out, norms.AVERAGE: (fan_in + fan_out) / 2}[filler.variance_norm]


def _all_types():
    return "known: " + ", ".join(_FILLERS)


def _constant(filler, shape, rng):
    return np.full(shape, filler.value, np.float32)


def _uniform(filler, shape, rng):
    return rng.uniform(filler.min, filler.max, shape)


def _gaussian(filler, shape, rng):
    values = rng.normal(filler.mean, filler.std, shape)
    if filler.sparse >= 0:  # `sparse` non-zeros per output are expected if shape[0] counts outputs
        values *= rng.random(shape) < filler.sparse / shape[0]
    return values


def _positive_unitball(filler, shape, rng):
    values = rng.random((shape[0], math.prod(shape[1:])))
    return values / values.sum(axis=1, keepdims=True)


def _xavier(filler, shape, rng):
    scale = math.sqrt(3 / fan(filler, shape))
    return rng.uniform(-scale, scale, shape)


def _msra(filler, shape, rng):
    return rng.normal(0, math.sqrt(2 / fan(filler, shape)), shape)


def _bilinear(filler, shape, rng):
    size = shape[3]
    half = math.ceil(size / 2)
    centre = (size - 1) / (2 * half)
    line = 1 - np.abs(np.arange(size) / half - centre)
    return np.broadcast_to(np.outer(line, line), shape)


_FILLERS = {
    "constant": _constant,
    "uniform": _uniform,
    "gaussian": _gaussian,
    "positive_unitball": _positive_unitball,
    "xavier": _xavier,
    "msra": _msra,
    "bilinear": _bilinear,
}
