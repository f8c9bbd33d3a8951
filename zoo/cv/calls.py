"""The forms in which cv2 lets a method of `Net` be called: the arguments of a call, by place or name, told apart."""

import numbers
from collections.abc import Iterable

import numpy as np

from zoo.errors import NetError


def forward(args, kwargs):
    """Returns (arrays to write into, names of layers, whether one was named, whether all its outputs are wanted)."""
    known = {"outputName", "outBlobNames", "outputBlobs"}
    if set(kwargs) - known or len(args) > 2:
        got = ", ".join(sorted(set(kwargs) - known)) or f"{len(args)} arguments"
        raise NetError("forward takes no such arguments", got=got, want=", ".join(sorted(known)))
    into, every = kwargs.get("outputBlobs"), "outputBlobs" in kwargs
    names = kwargs.get("outputName", kwargs.get("outBlobNames"))
    args = list(args)
    if args and names is None and (_are_names(args[0]) or (len(args) == 1 and not every)):
        names = args.pop(0)
    if args and not every:
        into, every = args.pop(0), True
    if args and names is None and isinstance(args[0], str):
        names = args.pop(0)
    if args:
        raise NetError("forward takes no such arguments", got=args[0], want="names of layers, or arrays and one name")
    one = names is None or isinstance(names, str)
    names = [names or ""] if one else (list(names) or [""]) if isinstance(names, Iterable) else [names]
    if not all(isinstance(name, str) for name in names):
        raise NetError("outputs are asked for by the names of layers", got=names)
    into = [into] if isinstance(into, np.ndarray) else list(into or ())
    return into, names, one, every and one


def _are_names(given):
    return isinstance(given, str) or (isinstance(given, list | tuple) and all(isinstance(one, str) for one in given))


def layer_and_shapes(args, kwargs):
    """Returns (the number of a layer or None, shapes of the inputs) of a call ``f([layerId,] shapes)``."""
    named = {"netInputShapes" if name == "netInputShape" else name: value for name, value in kwargs.items()}
    free = [name for name in ("layerId", "netInputShapes") if name not in named]
    asked = {**named, **dict(zip(free[len(free) - len(args) :], args))}
    if not {"netInputShapes"} <= asked.keys() <= {"layerId", "netInputShapes"} or len(args) > len(free):
        raise NetError("no such arguments", got=(*args, *kwargs), want="shapes of the inputs, or a layer and shapes")
    if not isinstance(asked.get("layerId", 0), numbers.Integral):
        raise NetError("a layer is asked for by its number", got=repr(asked["layerId"]), hint="net.getLayerId(name)")
    return (int(asked["layerId"]) if "layerId" in asked else None), asked["netInputShapes"]


def written(array, target):
    """Returns `array`, written into `target` where that is an array of its shape."""
    if isinstance(target, np.ndarray) and target.shape == array.shape and target.dtype == array.dtype:
        target[...] = array
        return target
    return array
