"""Where the pixels of one value lie over those of another, to find the offset that an old Crop found by itself."""

from fractions import Fraction


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
    axes = max(len(here or ()), len(there or ()))
    identity = ((Fraction(1), Fraction(0)),) * axes
    found = []
    for (scale, shift), (other, other_shift) in zip(here or identity, there or identity, strict=True):
        step = shift - other_shift
        if scale != other or step.denominator != 1 or step < 0:
            return None
        found.append(int(step))
    return tuple(found)


def _walk(view, ref):
    """Yields (value, map from its pixels to those of `ref`) for `ref` and what it comes from, nearest first."""
    waiting, seen = [(ref, None)], set()
    while waiting:
        ref, found = waiting.pop(0)
        if ref in seen:
            continue
        seen.add(ref)
        yield ref, found
        layer = view.producer(ref)
        planned = layer and view.size(layer)
        if not planned or planned.type.pixel_map is None or not layer.bottoms:
            continue
        bottoms = layer.bottoms[:1] if planned.type.pixel_map == "crop" else layer.bottoms
        for index, bottom in enumerate(bottoms):
            step = _map(planned, index)
            if step is not False:
                waiting.append((bottom, _compose(found, step)))


def _compose(outer, inner):
    if outer is None or inner is None:
        return outer if inner is None else inner
    return tuple((s * t, s * shift + more) for (s, more), (t, shift) in zip(outer, inner, strict=True))


def _map(planned, index):
    """Returns ((scale, shift), ...) of a layer along its spatial axes; None for the identity, False if unknown."""
    kind = planned.type
    if kind.pixel_map == "same":
        return None
    if kind.pixel_map == "crop":
        offsets = kind.offset or (0,)
        axes = len(planned.tops[0]) - 2
        offsets = offsets[-axes:] if len(offsets) >= axes else offsets * axes
        return tuple((Fraction(1), Fraction(-each)) for each in offsets)
    windows = _windows(planned, index)
    if windows is None:
        return False
    found = []
    for kernel, stride, pad, dilation in windows:
        margin = Fraction((kernel - 1) * dilation, 2) - pad
        if kind.pixel_map == "transposed window":
            found.append((Fraction(stride), margin))
        else:
            found.append((Fraction(1, stride), -margin / stride))
    return tuple(found)


def _windows(planned, index):
    """Returns (kernel, stride, pad, dilation) along each spatial axis, or None."""
    kind, shape = planned.type, planned.bottoms[index]
    if hasattr(kind, "window"):
        return [(w.kernel, w.stride, w.pad, w.dilation) for w in kind.window.windows(shape)]
    if hasattr(kind, "kernel"):
        kernel = shape[2:] if getattr(kind, "whole", False) else kind.kernel
        return [(*each, 1) for each in zip(kernel, kind.stride, kind.pad)]
    return None
