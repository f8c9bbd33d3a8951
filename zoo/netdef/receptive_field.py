"""The part of a net's input that a value of a blob depends on: its receptive field, by integers alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from zoo.netdef.netdef import BlobRef


class Axis(NamedTuple):
    """Along one spatial axis: value i of the blob depends on pixels start + i * step ... start + i * step + size - 1.

    Fractions behind a Deconvolution, where the field is the smallest of this form that holds all that is depended on.
    """

    step: int | Fraction
    start: int | Fraction
    size: int | Fraction

    def span(self, index: int) -> tuple[int, int]:
        """Returns (first pixel, pixel behind the last) of value `index`; padding lies below 0 and behind the end."""
        first = self.start + index * self.step
        return math.floor(first), math.ceil(first + self.size)


@dataclass(frozen=True)
class ReceptiveField:
    """How the values of a blob lie over an input.

    Attributes:
        axes: the `Axis` of height and of width; None where every value depends on the whole input.
        input: (H, W) of the input.
    """

    axes: tuple[Axis, Axis] | None
    input: tuple[int, int]

    def box(self, y: int = 0, x: int = 0) -> tuple[int, int, int, int]:
        """Returns (top, left, bottom, right) in pixels of the input of the value at (y, x); ends are not included."""
        if self.axes is None:
            return 0, 0, *self.input
        (top, bottom), (left, right) = self.axes[0].span(y), self.axes[1].span(x)
        return top, left, bottom, right

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels; more than the input's where it reaches into the padding on all sides."""
        top, left, bottom, right = self.box()
        return bottom - top, right - left


def receptive_fields(planned: Sequence[Any]) -> dict[BlobRef, ReceptiveField]:
    """Returns {value: `ReceptiveField`} of every value that depends on the net's first input of rank 4.

    Normalisation over a whole plane (BatchNorm, MVN, LRN within a channel) counts as a value by itself.

    Args:
        planned: `PlannedLayer`s or `BuiltLayer`s of a net, in order.

    Example:
        >>> from zoo.netdef.config import open_config
        >>> from zoo.netdef.shape_inference import infer_shapes
        >>> definition = open_config("configs/lenet.prototxt").definition("TEST")
        >>> data, label = definition.layers[0].tops
        >>> fields = receptive_fields(infer_shapes(definition, {data: ((1, 1, 28, 28), (1,))}))
        >>> fields[BlobRef("pool2")].size, fields[BlobRef("pool2")].box(0, 1)
        ((16, 16), (0, 4, 16, 20))
    """
    found: dict[BlobRef, ReceptiveField] = {}
    for layer in planned:
        below = [found.get(bottom) for bottom in layer.definition.bottoms]
        for top, shape in zip(layer.definition.tops, layer.tops):
            if not layer.definition.bottoms:
                if not found and len(shape) == 4:
                    found[top] = ReceptiveField((Axis(1, 0, 1), Axis(1, 0, 1)), shape[2:])
            elif any(below):
                found[top] = _above(layer, below, shape)
    return found


def _above(layer, below, shape):
    size = next(field.input for field in below if field)
    fields = [_seen(layer, index, field, shape) for index, field in enumerate(below) if field]
    if layer.type.pixel_map == "crop":
        fields = fields[:1]  # the second bottom only says a size
    if any(axes is None for axes in fields):
        return ReceptiveField(None, size)
    return ReceptiveField(_joined(fields), size)


def _seen(layer, index, field, shape):
    """Returns the axes of a top by bottom number `index`, of that field; None for the whole input."""
    axes, pixels, bottom = field.axes, layer.type.pixel_map, layer.bottoms[index]
    if axes is None or len(shape) != 4 or len(bottom) != 4:
        return None
    if pixels == "same" or (pixels is None and shape[2:] == bottom[2:] and layer.type.follows_plane(layer.bottoms)):
        return axes
    if pixels == "crop":
        spans = layer.type.spans(layer.bottoms)
        cut = [spans.get(axis, (0, 0))[0] for axis in (2, 3)]
        return tuple(axis._replace(start=axis.start + by * axis.step) for axis, by in zip(axes, cut))
    found = windows(layer, index)
    if found is None:
        return None
    move = _transposed if pixels == "transposed window" else _windowed
    return tuple(move(axis, *window) for axis, window in zip(axes, found))


def _windowed(axis, kernel, stride, pad, dilation):
    size = axis.size + (kernel - 1) * dilation * axis.step
    return Axis(axis.step * stride, axis.start - pad * axis.step, size)


def _transposed(axis, kernel, stride, pad, dilation):
    """Value i takes from values (i + pad - k) / stride of the bottom, k in 0 .. dilation * (kernel - 1)."""
    reach = Fraction(dilation * (kernel - 1), stride) * axis.step
    step, start = Fraction(axis.step, stride), axis.start + Fraction(pad, stride) * axis.step - reach
    return Axis(*(int(value) if value.denominator == 1 else value for value in (step, start, axis.size + reach)))


def _joined(fields):
    """Returns the axes that hold all of `fields`; None where their steps differ."""
    joined = []
    for axes in zip(*fields):
        if len({axis.step for axis in axes}) > 1:
            return None
        start = min(axis.start for axis in axes)
        joined.append(Axis(axes[0].step, start, max(axis.start + axis.size for axis in axes) - start))
    return tuple(joined)


def windows(layer: Any, index: int) -> list[tuple[int, int, int, int]] | None:
    """Returns (kernel, stride, pad, dilation) of a layer along each spatial axis of bottom `index`; None for none."""
    kind, shape = layer.type, layer.bottoms[index]
    if hasattr(kind, "window"):
        return [(w.kernel, w.stride, w.pad, w.dilation) for w in kind.window.windows(shape)]
    if hasattr(kind, "kernel"):
        kernel = shape[2:] if getattr(kind, "whole", False) else kind.kernel
        return [(*each, 1) for each in zip(kernel, kind.stride, kind.pad)]
    return None
