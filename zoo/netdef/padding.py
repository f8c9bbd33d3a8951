"""Rows that only the data can count: the values of a padded net, cut down to the rows that Caffe would have made.

Inside the graph a top such as DetectionOutput's has its largest size, real rows first. `LayerType.padded_axis` says
along which axis, and `LayerType.real_rows` counts the real ones.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from zoo.netdef.netdef import BlobRef


def real_shapes(layers: Iterable[Any], values: Mapping[BlobRef, np.ndarray]) -> dict[BlobRef, tuple[int, ...]]:
    """Returns the Caffe shape that each value has where only real rows count.

    Args:
        layers: the planned or built layers of a net, in order.
        values: {BlobRef: array of Caffe's order}; of the padded tops at least the first of each layer.
    """
    shapes: dict[BlobRef, tuple[int, ...]] = {}
    for layer in layers:
        kind, definition = layer.type, layer.definition
        bottoms = tuple(shapes[bottom] for bottom in definition.bottoms)
        tops = tuple(layer.tops)
        if kind.padded_axis is not None:
            tops = padded_shapes(kind, tops, kind.real_rows(values[definition.tops[0]]))
        elif bottoms != tuple(layer.bottoms):
            tops = kind.top_shapes(bottoms)
        shapes.update(zip(definition.tops, tops))
    return shapes


def padded_shapes(kind, tops, rows):
    """Returns the shapes of a padded layer's tops with that many rows along its `padded_axis`."""
    axis = kind.padded_axis
    return tuple((*shape[:axis], rows, *shape[axis + 1 :]) for shape in tops)


def cut(array, shape):
    """Returns the part of an array from its beginning that has `shape`."""
    return array[tuple(slice(size) for size in shape)]


def without_padding(layers: Iterable[Any], values: Mapping[BlobRef, np.ndarray]) -> dict[BlobRef, np.ndarray]:
    """Returns `values` ({BlobRef: array of Caffe's order}, all of a net's) without the rows that pad them."""
    layers = list(layers)
    if all(layer.type.padded_axis is None for layer in layers):
        return dict(values)
    shapes = real_shapes(layers, values)
    return {ref: cut(array, shapes[ref]) for ref, array in values.items()}


def padded_values(layers: Iterable[Any]) -> set[BlobRef]:
    """Returns the values that padded layers make, and those whose shapes may follow from them."""
    found: set[BlobRef] = set()
    for layer in layers:
        if layer.type.padded_axis is not None or found.intersection(layer.definition.bottoms):
            found.update(layer.definition.tops)
    return found
