"""How the pixels of one top lie over those of another, to crop one to the other (for fully convolutional nets).

A map (axis, scale, shift) is that of `zoo.layers.base.pixel_map` along each spatial axis from `axis` on; the
identity's axis is None.
"""

import numpy as np

from zoo.errors import NetError, Place
from zoo.layers import find
from zoo.layers.base import pixel_map
from zoo.pycaffe.errors import also
from zoo.pycaffe.net_spec import layers as L

_BY_AXIS = {f"{name}_{axis}" for name in ("kernel", "stride", "pad") for axis in "hw"}
_IDENTITY = (None, *pixel_map.IDENTITY)


class UndefinedMapException(NetError):
    """A layer that has no such map."""


class AxisMismatchException(NetError):
    """Maps along different axes."""


def coord_map(fn):
    """Returns the map (axis, scale, shift) of a layer, a `net_spec.Function`.

    Raises:
        UndefinedMapException: its type has none.
        NetError: it gives its window for each axis (kernel_h and so on).
    """
    kind, pixels = _mapped(fn)
    if pixels == "same":
        return _IDENTITY
    given = fn.params.get(kind.fields[0], fn.params)
    if pixels == "crop":
        return given.get("axis", 2) - 1, 1, -np.array(given.get("offset", 0), ndmin=1)
    if by_axis := sorted(_BY_AXIS & set(given)):
        at = Place(layer=fn.type_name)
        raise also(NetError, AssertionError)("cropping wants windows alike on all axes", at=at, got=by_axis[0])
    if "kernel_size" not in given:
        raise also(NetError, KeyError)("cropping wants a kernel_size", at=Place(layer=fn.type_name))
    kernel, stride, pad, dilation = (
        np.array(given.get(name, default), ndmin=1)
        for name, default in (("kernel_size", 1), ("stride", 1), ("pad", 0), ("dilation", 1))
    )
    return given.get("axis", 1), *pixel_map.window_map(pixels, kernel, stride, pad, dilation)


def _mapped(fn):
    """Returns (class, its `pixel_map`) of a function's layer type; raises UndefinedMapException where it has none."""
    kind = find(fn.type_name)
    pixels = getattr(kind, "pixel_map", None)
    if kind is None or pixels is None:
        raise UndefinedMapException("pixels have no place", at=Place(layer=fn.type_name))
    return kind, pixels


def compose(base_map, next_map):
    """Returns the map of `next_map`'s layer followed by that of `base_map`; raises AxisMismatchException."""
    (axis, *outer), (next_axis, *inner) = base_map, next_map
    if None not in (axis, next_axis) and axis != next_axis:
        raise AxisMismatchException("maps along different axes", got=f"{axis} and {next_axis}")
    return next_axis if axis is None else axis, *pixel_map.compose(outer, inner)


def inverse(coord_map):
    """Returns the map the other way."""
    axis, *known = coord_map
    return axis, *pixel_map.inverse(known)


def coord_map_from_to(top_from, top_to):
    """Returns the map from one top of a NetSpec to another, through what both come from.

    Raises:
        NetError: nothing is common to both, by layers that have a map.
    """
    from_maps = dict(_walk(top_from))
    for top, to_map in _walk(top_to):
        if top in from_maps:
            return compose(to_map, inverse(from_maps[top]))
    raise also(NetError, RuntimeError)("tops are not connected by layers whose pixels have a place")


def _walk(top):
    """Returns `pixel_map.ancestors` of a top."""
    return pixel_map.ancestors(top, _IDENTITY, _steps, compose)


def _steps(top):
    try:
        step = coord_map(top.fn)
    except UndefinedMapException:
        return []
    cropped = _mapped(top.fn)[1] == "crop"
    return [(bottom, step) for bottom in (top.fn.inputs[:1] if cropped else top.fn.inputs)]  # the second gives a size


def crop(top_from, top_to):
    """Returns a Crop layer's top: `top_from` cut to the pixels that `top_to` has.

    Raises:
        NetError: they are not of one scale, or `top_from` does not cover `top_to` at whole pixels.
    """
    axis, scale, shift = coord_map_from_to(top_from, top_to)
    if not np.all(scale == 1):
        raise also(NetError, AssertionError)("crop of another scale", got=f"scale {scale}", want="1")
    if not (np.all(shift <= 0) and np.all(np.round(shift) == shift)):
        got, want = f"{-np.asarray(shift)}", "whole numbers of 0 or more"
        raise also(NetError, AssertionError)("crop at such an offset", got=got, want=want)
    if axis is None:
        return L.Crop(top_from, top_to)
    offset = [int(x) for x in np.atleast_1d(-np.round(shift))]
    return L.Crop(top_from, top_to, crop_param={"axis": axis + 1, "offset": offset})
