"""The kernels of layers, from weights files: a row for each layer, a column for each file. No TensorFlow."""

import pathlib

import numpy as np

from zoo.errors import Place, WeightsError, did_you_mean
from zoo.formats import caffemodel
from zoo.images import heat, scaling
from zoo.images.grid import enlarged, grid
from zoo.images.sheet import Bar, Panel, packed, sheet

SIDE = 460  # pixels: about as wide is one layer's panel


def kernel_sheet(files, layers=(), most=32, planes=None, title=""):
    """Returns one image of the kernels of layers in weights files, uint8 (H, W, 3).

    Kernels over three channels are in colour, each from its least value to its largest. All others have one scale in
    a layer, on which zero is light grey: a row for each kernel and a column for each channel that it reads; where all
    read one channel, they stand in a square. Those of 1 x 1, and of an InnerProduct, are a matrix, a row for an output.

    Args:
        files: {label: path} of weights files, .caffemodel, .caffemodel.h5 or our .keras.
        layers: names; () for the first layer that has kernels.
        most: how many outputs and how many channels of each layer are shown.
        planes: {layer: Caffe shape of its bottom}, so that what an InnerProduct weighs of images is shown as images.
        title: of the sheet.

    Raises:
        WeightsError: a file cannot be read, or has no such layer, or the layer has no kernels.
    """
    read = {label: caffemodel.read(path) for label, path in files.items()}
    first, weights = next(iter(read.items()))
    layers = list(layers) or [_first(weights, files[first])]
    rows = [
        [
            _panel(_kernels(read[label], files[label], layer), layer, label if len(files) > 1 else "", most, planes)
            for label in files
        ]
        for layer in layers
    ]
    note = "Colour: each from its least value to its largest. Else: blue is below zero, light grey zero, red above."
    return sheet(rows if len(files) > 1 else packed([row[0] for row in rows]), title or "Kernels", note)


def with_kernels(weights):
    """Returns the names of the layers that have kernels, in order."""
    return [name for name, blobs in weights.items() if blobs and np.ndim(blobs[0]) >= 2 and np.size(blobs[0]) > 1]


def labels(paths):
    """Returns {short label: path}, no two the same: the name up to the first dot, else the whole path."""
    names = [pathlib.Path(path).name.partition(".")[0] for path in paths]
    return {name if names.count(name) == 1 else str(path): path for name, path in zip(names, paths)}


def _first(weights, path):
    found = with_kernels(weights)
    if not found:
        raise WeightsError("no layer with kernels", at=Place(str(path)))
    return found[0]


def _kernels(weights, path, layer):
    if not weights.get(layer):
        learned = [name for name, blobs in weights.items() if blobs]
        hint = did_you_mean(layer, learned) or f"it has {', '.join(learned[:20])}"
        raise WeightsError("no such layer with weights", at=Place(str(path)), got=repr(layer), hint=hint)
    kernels = np.asarray(weights[layer][0], np.float32)
    if layer not in with_kernels(weights):
        got = " x ".join(map(str, kernels.shape)) or "one value"
        hint = f"it has {', '.join(with_kernels(weights)[:20]) or 'none'}"
        at = Place(str(path), layer=layer)
        raise WeightsError("no kernels: its first blob is no matrix", at=at, got=got, want="2 axes or more", hint=hint)
    return kernels


def _panel(kernels, layer, label, most, planes):
    title = f"{layer}: {label}" if label else layer
    shape = kernels.shape
    if kernels.ndim == 4 and shape[:2] == (1, 1) and max(shape[2:]) > 32:  # a matrix, as Caffe wrote it before 2014
        kernels = kernels[0, 0]
    plane = (planes or {}).get(layer, ())
    if kernels.ndim == 2 and len(plane) == 4 and plane[2] * plane[3] > 1 and kernels[0].size == np.prod(plane[1:]):
        kernels = kernels.reshape(-1, *plane[1:])
    if kernels.ndim > 4:
        kernels = kernels.reshape(len(kernels), -1, *kernels.shape[-2:])
    if kernels.ndim < 4 or kernels.shape[2:] == (1, 1):
        return _matrix(kernels.reshape(len(kernels), -1), shape, title, most)
    outputs, inputs, height, width = kernels.shape
    said = f"{outputs} kernels, {inputs} x {height} x {width}"
    if inputs == 3:
        tiles = scaling.each(kernels[: most * most, ::-1].transpose(0, 2, 3, 1))
        return Panel(grid(tiles, scale=_scale(tiles, None)), title, _cut(said, len(tiles), outputs))
    shown = kernels[: most * most if inputs == 1 else most, :most]
    largest = float(np.abs(shown).max())
    tiles = heat.colours(scaling.signed(shown, largest).reshape(-1, height, width), heat.SIGNED)
    columns = None if inputs == 1 else shown.shape[1]
    image = grid(tiles, columns, _scale(tiles, columns))
    note = _cut(said, len(shown), outputs) + (f", {shown.shape[1]} of {inputs} channels" if inputs > most else "")
    return Panel(image, title, note, Bar(heat.SIGNED, -largest, largest))


def _matrix(matrix, shape, title, most):
    shown = matrix[: 8 * most, : 8 * most]
    largest = float(np.abs(shown).max())
    image = enlarged(heat.colours(scaling.signed(shown, largest), heat.SIGNED), max(1, SIDE // max(shown.shape)))
    note = f"{' x '.join(map(str, shape))}, a row for an output"
    if shown.shape != matrix.shape:
        note += f"; the first {shown.shape[0]} x {shown.shape[1]}"
    return Panel(image, title, note, Bar(heat.SIGNED, -largest, largest))


def _scale(tiles, columns):
    count, height, width = tiles.shape[:3]
    columns = columns or max(1, round((count * height / width) ** 0.5))
    return int(min(max(SIDE // (columns * (width + 1)), 1), 12))


def _cut(said, shown, there):
    return said if shown == there else f"{said}; the first {shown}"
