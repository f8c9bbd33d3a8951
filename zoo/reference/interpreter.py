"""Runs a net layer by layer, as `Net::ForwardFromTo` does, with every blob kept by name."""

import importlib
import pkgutil

import numpy as np

from zoo.errors import NetError, UnsupportedError, did_you_mean
from zoo.formats.layer_keys import layer_keys
from zoo.reference import forks, loss, neuron, normalisation, pooling, recurrent, shape, vision
from zoo.reference.layer import Layer

_FUNCTIONS = {}
_of_forks = [importlib.import_module(f"{forks.__name__}.{each.name}") for each in pkgutil.iter_modules(forks.__path__)]
for _family in (loss, neuron, normalisation, pooling, recurrent, shape, vision, *_of_forks):
    _FUNCTIONS.update(_family.LAYERS)


def layer_types():
    """Returns the sorted type strings that have a function here; layers fed from outside are not among them."""
    return sorted(_FUNCTIONS)


def run(net_message, weights, inputs, phase="TEST", *, dtype=np.float32, after=None, each=None):
    """Runs a net once, from zero state.

    A layer without bottoms that has no function here (Input, data layers) must have its tops in `inputs`.

    Args:
        net_message: NetParameter of the current generation, already filtered for its state.
        weights: {layer key: arrays in Caffe's shapes}, the key being the name, or as `layer_keys` has it; a layer that
            shares its parameters by name may be left out.
        inputs: {blob: array in Caffe's shape} of what is fed.
        phase: "TRAIN" or "TEST".
        dtype: what a blob holds between two layers; within a layer all is float64. Caffe's is float32; float64 is for
            derivatives by differences.
        after: a dict that receives {layer key: arrays} for layers that change their parameters (BatchNorm in TRAIN).
        each: called with (layer key, bottoms, tops), lists of arrays of `dtype`, when a layer has run; one that is fed
            from outside is none of them.

    Returns:
        {blob: array of dtype} of every blob; for a name that an in-place layer gives again, the last one.

    Raises:
        UnsupportedError: a type without a function here, or something random.
        NetError: an input or parameter is missing, or shapes do not fit together.
    """
    values = {name: np.asarray(array, dtype) for name, array in inputs.items()}
    shared = {}
    for key, message in zip(layer_keys(message.name for message in net_message.layer), net_message.layer):
        layer = Layer(message, phase, forks=tuple(net_message.fork))
        if message.type not in _FUNCTIONS:
            _check_fed(layer, values)
            continue
        layer.blobs = _blobs(layer, weights.get(key), shared)
        bottoms = [_bottom(layer, values, name) for name in message.bottom]
        read = [values[name] for name in message.bottom]
        for name, top in zip(message.top, _tops(layer, bottoms)):
            with np.errstate(over="ignore", under="ignore"):  # a float32 blob has no other way to hold it
                values[name] = np.asarray(top).astype(dtype)
        if each is not None:
            each(key, read, [values[name] for name in message.top])
        if after is not None and layer.after is not None:
            after[key] = [np.asarray(array).astype(dtype) for array in layer.after]
    return values


def _check_fed(layer, values):
    missing = [name for name in layer.message.top if name not in values]
    if layer.message.bottom or (missing and layer.message.type != "Input"):
        hint = did_you_mean(layer.message.type, _FUNCTIONS)
        raise UnsupportedError(
            f'layer type "{layer.message.type}" has no reference implementation', at=layer.place, hint=hint
        )
    if missing:
        raise layer.error("an input is missing", want=", ".join(missing))


def _bottom(layer, values, name):
    if name not in values:
        raise layer.error(f'bottom "{name}" is no blob of an earlier layer', got=", ".join(values) or "no blob")
    return values[name].astype(np.float64)


def _blobs(layer, given, shared):
    """The layer's parameters: those given, or those of the first layer that used the shared name."""
    names = [param.name for param in layer.message.param]
    if given is None:
        blobs = [shared[name] for name in names if name in shared]
    else:
        blobs = [np.asarray(array, np.float64) for array in given]
    for name, blob in zip(names, blobs):
        if name:
            shared.setdefault(name, blob)
    return blobs


def _tops(layer, bottoms):
    """Calls the layer's function; returns at least as many tops as the layer names."""
    function = _FUNCTIONS[layer.message.type]
    try:
        with np.errstate(all="ignore"):  # log(0) and its like are what Caffe computes too
            tops = function(layer, *bottoms)
    except (ValueError, IndexError, TypeError, ZeroDivisionError) as cause:
        shapes = ", ".join(str(bottom.shape) for bottom in bottoms)
        blobs = ", ".join(str(blob.shape) for blob in layer.blobs)
        got = f"bottoms {shapes or 'none'} and parameters {blobs or 'none'}"
        raise NetError(f"cannot be computed: {cause}", at=layer.place, got=got) from cause
    tops = tops if isinstance(tops, tuple | list) else (tops,)
    if len(layer.message.top) > len(tops):
        raise layer.error("too many tops", got=len(layer.message.top), want=f"at most {len(tops)}")
    return tops
