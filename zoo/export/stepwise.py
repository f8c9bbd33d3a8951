"""A converted net layer by layer on what the reference implementation gives it, and with the reference's choices.

Where a net compares numbers and goes on with places or rows (max pooling's mask, ArgMax, the boxes that are kept), two
numbers that rounding cannot tell apart make one right answer differ from another by much. So an output that differs is
looked at again: each layer alone, from the same bottoms, and the whole net with the reference's choices in place of its
own. Where both agree, choices between near-equal numbers are all that is left.
"""

from dataclasses import dataclass

import keras
import numpy as np

from zoo.converters.execution import run_layer, steps
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.netdef.padding import cut, padded_shapes


@dataclass(frozen=True)
class Choice:
    """How often a layer chose otherwise than the reference.

    Attributes:
        layer, top: names.
        differing, count: of its values.
        apart: largest difference of the values that were chosen between, in parts of the largest; None if unknown.
    """

    layer: str
    top: str
    differing: int
    count: int
    apart: float | None

    def __str__(self):
        near = "" if self.apart is None else f", between values at most {self.apart:.1e} of the largest apart"
        return f'"{self.top}" of layer "{self.layer}": {self.differing:,} of {self.count:,} chosen otherwise{near}'


class Stepwise:
    """Compares as the reference runs: `see` is its `each`.

    Attributes:
        apart: {layer key: largest difference of its tops, in parts of the largest value}; inf where shapes differ.
    """

    def __init__(self, net):
        self._net = net
        self._layers = {layer.definition.key: layer for layer in net.layers}
        self._fed, self._chosen = {}, {}
        self.apart = {}

    def see(self, key, bottoms, tops):
        """Runs a layer on the reference's `bottoms` and notes how far from its `tops` it comes out."""
        layer = self._layers[key]
        if layer.is_sink or not layer.definition.tops:
            return
        got = run_layer(layer, [from_caffe(keras.ops.convert_to_tensor(bottom)) for bottom in bottoms])
        got = [_array(value) for value in got]
        if layer.type.padded_axis is not None:
            shapes = padded_shapes(layer.type, [each.shape for each in got], layer.type.real_rows(got[0]))
            got = [cut(each, shape) for each, shape in zip(got, shapes)]
        self.apart[key] = max(apart(*pair) for pair in zip(got, tops))
        if layer.type.choices():
            self._fed[key], self._chosen[key] = bottoms, tops

    def wrong(self, tolerance):
        """Returns the layers that differ by more, each alone."""
        return [self._layers[key] for key, far in self.apart.items() if not far <= tolerance]

    def worst(self):
        """Returns (largest difference of a layer alone, its key)."""
        return max((far, key) for key, far in self.apart.items())

    def run(self, inputs, run=run_layer):
        """Runs the whole net on `inputs` ({blob: array}); returns a function from a BlobRef to its array."""
        values = {ref: from_caffe(keras.ops.convert_to_tensor(inputs[ref.name])) for ref in self._net.inputs}
        for _ in steps([layer for layer in self._net.layers if not layer.is_sink], values, run):
            pass
        return lambda ref: _array(values[ref])

    def with_choices(self, inputs):
        """As `run`, with the reference's choices in place of the net's own.

        Returns:
            (function from a BlobRef to its array, {layer key: the largest difference of its bottoms from the
            reference's} of the layers that choose, a `Choice` for each of their tops that came out otherwise).
        """
        bottoms_apart, otherwise = {}, []

        def run(layer, bottoms, anchor):
            tops, key = run_layer(layer, bottoms, anchor), layer.definition.key
            if key not in self._chosen:
                return tops
            fed = [_real(bottom, want) for bottom, want in zip(bottoms, self._fed[key])]
            bottoms_apart[key] = max(apart(*pair) for pair in zip(fed, self._fed[key]))
            tops = list(tops)
            for index in layer.type.choices():
                want = self._chosen[key][index]
                if choice := self._choice(layer, index, _array(tops[index]), want):
                    otherwise.append(choice)
                tops[index] = from_caffe(keras.ops.convert_to_tensor(_padded(want, tops[index])))
            return tuple(tops)

        return self.run(inputs, run), bottoms_apart, otherwise

    def _choice(self, layer, index, got, want):
        key, top = layer.definition.key, layer.definition.tops[index].name
        if layer.type.padded_axis is not None:
            rows = [_rows(array, layer.type.padded_axis) for array in (got, want)]
            found, wanted = ({row.tobytes() for row in np.round(each, 3)} for each in rows)
            absent = len(wanted - found)
            return Choice(key, top, absent, len(wanted), None) if absent else None
        differing = int(np.count_nonzero(got != want))
        if not differing:
            return None
        ours, theirs = (layer.type.chosen(self._fed[key][0], array) for array in (got, want))
        far = None if ours is None else apart(ours, theirs)
        return Choice(key, top, differing, want.size, far)


def apart(got, want):
    """Returns the largest difference of two arrays in parts of the largest value of the second; inf as for a shape."""
    if got.shape != want.shape:
        return np.inf
    finite = np.isfinite(want)
    if not np.array_equal(got[~finite], want[~finite], equal_nan=True) or not np.isfinite(got[finite]).all():
        return np.inf
    difference = np.abs(got[finite].astype(np.float64) - want[finite]).max(initial=0)
    return float(difference / max(np.abs(want[finite]).max(initial=0), 1e-30))


def _array(tensor):
    return np.asarray(keras.ops.convert_to_numpy(to_caffe(tensor)))


def _real(tensor, want):
    """Returns a bottom as an array, without rows that pad it."""
    array = _array(tensor)
    return cut(array, want.shape) if array.ndim == want.ndim else array


def _padded(array, like):
    """Returns the reference's rows with those behind them that a padded top of the shape of `like` has."""
    shape = tuple(to_caffe(like).shape)
    if array.shape == shape:
        return array
    full = np.full(shape, -1, array.dtype)
    full[tuple(slice(size) for size in array.shape)] = array
    return full


def _rows(array, axis):
    moved = np.moveaxis(array, axis, 0)
    return np.ascontiguousarray(moved.reshape(len(moved), -1))
