"""The part of a net's input that a value of a blob depends on: its receptive field, by Caffe's integer arithmetic.

Padding counts: a field may begin before the image and end behind it. All paths count. Integers only.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from zoo.layers.base.geometry import Window
from zoo.netdef.netdef import BlobRef
from zoo.netdef.shape_inference import Shape

_NOTHING = (math.inf, -math.inf)  # the ends of what a value depends on that a Deconvolution leaves to its bias
_MOST_PHASES = 1 << 14  # along one axis; more than any net has

# What the facts of layer types do not tell: who keeps each pixel where it is though `pixel_map` is None, as channels
# change, and who lets each value depend on all of its bottom.
_PIXELWISE = frozenset({"ArgMax", "Axpy", "Concat", "Slice", "Softmax"})
_TOTAL = frozenset({"InnerProduct", "LSTM", "MarginInnerProduct", "MVN", "RNN", "Reduction"})


@dataclass(frozen=True)
class Axis:
    """Along one spatial axis: value period * n + r depends on pixels low[r] + advance * n to high[r] + advance * n.

    The period is 1, but behind a Deconvolution whose kernel its stride does not divide: there neighbours see unlike
    parts, and the fields of those around them again unlike ones.
    """

    period: int = 1
    advance: int = 1
    low: tuple[float, ...] = (0,)
    high: tuple[float, ...] = (0,)

    @property
    def size(self) -> int:
        """How many pixels a value depends on; where they differ the most of all."""
        return max(int(high - low) + 1 if low <= high else 0 for low, high in zip(self.low, self.high))

    @property
    def step(self) -> Fraction:
        """By how many pixels the fields of neighbours are apart, in the mean: the stride."""
        return Fraction(self.advance, self.period)

    @property
    def start(self) -> int | None:
        """The first pixel that value 0 depends on, negative in the padding: the offset. None where it sees none."""
        return None if self.low[0] == math.inf else int(self.low[0])

    def ends(self, index: int) -> tuple[float, float]:
        """Returns the (first, last) pixel that value `index` depends on; it may itself lie in the padding."""
        turns, phase = divmod(index, self.period)
        return self.low[phase] + self.advance * turns, self.high[phase] + self.advance * turns

    def span(self, index: int) -> tuple[int, int]:
        """Returns (first pixel, pixel behind the last) of value `index`; padding lies below 0 and behind the end."""
        low, high = self.ends(index)
        return (int(low), int(high) + 1) if low <= high else (0, 0)


@dataclass(frozen=True)
class ReceptiveField:
    """How the values of a blob lie over an input.

    Attributes:
        axes: the `Axis` of each spatial axis, such as height and width; None where the values lie in no such grid.
        input: the input's sizes along them, such as (H, W).
        whole: without axes, whether each value depends on the whole input; otherwise on parts of it that lie
            irregularly, as behind a layer that picks boxes or resizes.
    """

    axes: tuple[Axis, ...] | None
    input: tuple[int, ...]
    whole: bool = False

    def box(self, *index: int) -> tuple[int, ...]:
        """Returns (top, left, bottom, right), pixels of the input, of the value at (y, x), by default (0, 0).

        The last two are behind the last pixel. With more spatial axes than two: all starts, then all ends.
        """
        if self.axes is None:
            return *(0,) * len(self.input), *self.input
        spans = [axis.span(at) for axis, at in zip(self.axes, index or (0,) * len(self.axes))]
        return *(first for first, _ in spans), *(end for _, end in spans)

    @property
    def size(self) -> tuple[int, ...]:
        """Pixels along each axis, such as (height, width); more than the input has where it reaches into padding."""
        return self.input if self.axes is None else tuple(axis.size for axis in self.axes)


def receptive_fields(
    layers: Sequence[Any], known: Mapping[BlobRef, Shape] | None = None
) -> dict[BlobRef, ReceptiveField]:
    """Returns {value: `ReceptiveField`} of every value that depends on an input with spatial axes.

    Normalisation by the statistics of a batch counts as a function of each value by itself.

    Args:
        layers: `PlannedLayer`s or `BuiltLayer`s of a net, in order.
        known: Caffe shapes of fed values whose layers are not among them.

    Example:
        >>> from zoo.netdef.config import open_config
        >>> from zoo.netdef.shape_inference import infer_shapes
        >>> definition = open_config("configs/lenet.prototxt").definition("TEST")
        >>> data, label = definition.layers[0].tops
        >>> fields = receptive_fields(infer_shapes(definition, {data: ((1, 1, 28, 28), (1,))}))
        >>> fields[BlobRef("pool2")].size, fields[BlobRef("pool2")].box(0, 1)
        ((16, 16), (0, 4, 16, 20))
        >>> fields[BlobRef("ip1")].whole
        True
    """
    found = {ref: _of_input(shape) for ref, shape in (known or {}).items() if len(shape) > 3}
    for layer in layers:
        definition = layer.definition
        below = [found.get(bottom) for bottom in definition.bottoms]
        if not definition.bottoms:
            found.update((top, _of_input(shape)) for top, shape in zip(definition.tops, layer.tops) if len(shape) > 3)
        elif any(below):
            found.update(dict.fromkeys(definition.tops, _above(layer, below)))
    return found


def windows(layer: Any, index: int = 0) -> list[Window] | None:
    """Returns the `Window` of a layer along each spatial axis of bottom `index`, or None where it slides none."""
    found = getattr(layer.type, "window", layer.type)  # a convolution's is apart; a pooling's fields are its own
    of = getattr(found, "windows", None)
    return None if of is None else list(of(layer.bottoms[index]) if callable(of) else of)


def _of_input(shape):
    return ReceptiveField((Axis(),) * (len(shape) - 2), tuple(shape[2:]))


def _above(layer, below):
    """Returns the field of a layer's tops from those of its bottoms, None for what depends on no input."""
    kind, present = layer.type, [field for field in below if field]
    sizes = present[0].input
    if kind.pixel_map == "crop":  # the second bottom only says a size
        present = present[:1] if below[0] else []
    whole = any(field.whole for field in present) or kind.type in _TOTAL or not kind.deployed
    if whole or getattr(kind, "whole", False):
        return ReceptiveField(None, sizes, True)
    moved = _move(layer)
    if moved is None or not present or any(field.axes is None for field in present):
        return ReceptiveField(None, sizes)
    return ReceptiveField(_joined(moved, [field.axes for field in present]), sizes)


def _move(layer) -> Callable[[Axis, int], Axis | None] | None:
    """Returns what gives the `Axis` of a top from that of a bottom and its number; None where that is no grid."""
    kind, pixels = layer.type, layer.type.pixel_map
    if kind.type == "LRN" and not kind.across:
        neighbours = Window(kind.size, pad=(kind.size - 1) // 2)
        return lambda axis, _: _slid(axis, neighbours)
    if pixels == "same" or (kind.type in _PIXELWISE and _one_plane(layer)):
        return lambda axis, _: axis
    if pixels == "crop":
        spans = kind.spans(layer.bottoms)
        return lambda axis, number: _cut(axis, spans.get(number + 2, (0,))[0])
    if kind.type == "Upsample" and getattr(kind, "scale", None):
        scales = [Window(scale, scale) for scale in kind.scale]
        return lambda axis, number: _spread(axis, scales[number])
    found = windows(layer) if pixels or kind.type == "Pooling3D" else None
    if not found:
        return None
    move = _spread if pixels == "transposed window" else _slid
    return lambda axis, number: move(axis, found[number]) if number < len(found) else None


def _one_plane(layer):
    return len({shape[2:] for shape in (*layer.bottoms, *layer.tops) if len(shape) > 3}) == 1


def _joined(moved, bottoms):
    """Returns the least axes that hold those of all bottoms, each `moved`; None where their steps differ."""
    if len({len(axes) for axes in bottoms}) != 1:
        return None
    joined = tuple(_union([moved(axis, number) for axis in axes]) for number, axes in enumerate(zip(*bottoms)))
    return None if None in joined else joined


def _union(axes):
    if None in axes or len({axis.step for axis in axes}) != 1:
        return None
    period = math.lcm(*(axis.period for axis in axes))
    ends = (_hull(axis.ends(index) for axis in axes) for index in range(period))
    return _axis(period, int(period * axes[0].step), ends)


def _hull(ends: Iterable[tuple[float, float]]):
    lows, highs = zip(*ends)
    return min(lows), max(highs)


def _axis(period, advance, ends):
    """Returns the `Axis` of these ends with the shortest period."""
    low, high = zip(*ends)
    for short in (n for n in range(1, period) if period % n == 0 and advance * n % period == 0):
        by = advance * short // period
        if all(each[i] == each[i - short] + by for each in (low, high) for i in range(short, period)):
            return Axis(short, by, low[:short], high[:short])
    return Axis(period, advance, low, high)


def _slid(axis, window):
    """Returns the axis behind a window that slides over `axis`."""
    period = axis.period // math.gcd(axis.period, window.stride)
    taps = range(0, window.extent, window.dilation)
    taps = taps if axis.period > 1 else sorted({taps[0], taps[-1]})  # where all see alike the ends see furthest
    ends = (_hull(axis.ends(index * window.stride - window.pad + tap) for tap in taps) for index in range(period))
    return _axis(period, axis.advance * period * window.stride // axis.period, ends)


def _spread(axis, window):
    """Returns the axis behind a transposed window: value i of the bottom goes to i * stride - pad and what follows."""
    period = axis.period * window.stride
    if period > _MOST_PHASES:
        return None

    def ends(index):
        reached = (index + window.pad - tap for tap in range(0, window.extent, window.dilation))
        sources = [axis.ends(place // window.stride) for place in reached if place % window.stride == 0]
        return _hull(sources or [_NOTHING])

    return _axis(period, axis.advance, map(ends, range(period)))


def _cut(axis, offset):
    return _axis(axis.period, axis.advance, (axis.ends(index + offset) for index in range(axis.period)))
