"""Where the pixels of one value lie over those of another, to find the offset that an old Crop found by itself."""

from fractions import Fraction

from zoo.layers.base import pixel_map
from zoo.netdef.receptive_field import windows


def offset(view, crop) -> tuple[int, ...] | None:
    """Returns the offsets, along the spatial axes, at which the first bottom of a Crop covers the second.

    This is what Crop of longjon/caffe computed from the layers between both (its crop_layer.cpp). None where no layers
    with a known map of pixels lead from both to a common value, or the pixels do not meet at whole steps.
    """
    source, like = crop.bottoms
    reached = dict(_walk(view, source))
    for ref, there in _walk(view, like):
        if ref in reached:
            return _between(reached[ref], there)
    return None


def _between(here, there):
    """Both maps start from one value: pixel i of it lies at scale * i + shift. Returns the offsets, or None."""
    identity = (pixel_map.IDENTITY,) * max(len(here), len(there))
    found = []
    for (scale, shift), (other, other_shift) in zip(here or identity, there or identity, strict=True):
        step = Fraction(shift - other_shift)
        if scale != other or step.denominator != 1 or step < 0:
            return None
        found.append(int(step))
    return tuple(found)


def _walk(view, ref):
    """Returns `pixel_map.ancestors` of a value; a map is (scale, shift) for each spatial axis, () the identity."""
    return pixel_map.ancestors(ref, (), lambda value: _steps(view, value), _compose)


def _steps(view, ref):
    layer = view.producer(ref)
    planned = layer and view.size(layer)
    if not planned or planned.type.pixel_map is None or not layer.bottoms:
        return []
    bottoms = layer.bottoms[:1] if planned.type.pixel_map == "crop" else layer.bottoms
    found = [(bottom, _map(planned, index)) for index, bottom in enumerate(bottoms)]
    return [(bottom, step) for bottom, step in found if step is not None]


def _compose(outer, inner):
    if not outer or not inner:
        return outer or inner
    return tuple(pixel_map.compose(*each) for each in zip(outer, inner, strict=True))


def _map(planned, index):
    """Returns the map of a layer from its bottom of that index, or None where it is not known."""
    kind = planned.type
    if kind.pixel_map == "same":
        return ()
    if kind.pixel_map == "crop":
        offsets = kind.offset or (0,)
        axes = len(planned.tops[0]) - 2
        offsets = offsets[-axes:] if len(offsets) >= axes else offsets * axes
        return tuple((1, -each) for each in offsets)
    found = windows(planned, index)
    if found is None:
        return None
    return tuple(pixel_map.window_map(kind.pixel_map, *map(Fraction, window)) for window in found)
