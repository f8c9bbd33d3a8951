"""What a page shows of a net that has seen an image: channels of each blob as tiles, and the largest values."""

import math

import numpy as np

from zoo.converters import execution
from zoo.formats import class_names
from zoo.images import files, scaling
from zoo.images.grid import grid, resized
from zoo.layers.ops.layout import to_caffe
from zoo.pages import page

_PIXELS = 4e6  # of all tiles of a page; each is about a byte of it
_LEAST, _MOST = 96**2, 400**2  # pixels of the tiles of one blob
_SIDE, _TILES = 96, 64  # pixels of a tile, and how many a blob has, at most
_TOP = 5  # largest values that are said of a blob without a plane


def activations(net, ref, fed, said, view, names=None):
    """Returns plain data: the view they are of, what they are of, {layer key: [[blob, what is shown of it]]}.

    Args:
        net: the built `Net`, of which `ref` is the only input.
        ref: the input's `BlobRef`.
        fed: one item for it, float32 as Keras has it (1, H, W, C).
        said: whose they are, in words: "of cat.jpg".
        view: title of the `NetView` whose layers these are.
        names: of the classes, in order; None for ILSVRC2012's where there are 1,000, else numbers.
    """
    items = net.shapes[ref][0]
    count = sum(len(layer.definition.tops) for layer in net.layers)
    pixels = min(max(_PIXELS / max(count, 1), _LEAST), _MOST)
    layers = {}
    for layer, tops in execution.steps(net.layers, {ref: np.repeat(fed, items, axis=0)}):
        shown = [[top.name, _shown(np.asarray(to_caffe(value)), pixels, names)]
                 for top, value in zip(layer.definition.tops, tops)]  # fmt: skip
        layers[layer.definition.key] = [entry for entry in shown if entry[1]]
    return {"view": view, "said": said, "layers": layers, "input": None}


def thumbnail(pixels, said, side=320):
    """Returns an image (H, W, 1 or 3) in 0..1, no larger than `side`, as a page shows one."""
    height, width = pixels.shape[:2]
    scale = min(1.0, side / max(height, width))
    small = resized(pixels, max(1, round(height * scale)), max(1, round(width * scale)))
    return {"url": page.png(files.png(small)), "said": said, "smooth": True}


def _shown(value, pixels, names):
    """Returns what is shown of a blob, an array in Caffe's order, for its first item; None for nothing."""
    if not value.ndim or not value.size:
        return None
    item = value[0]
    if item.ndim == 3 and item.shape[1] * item.shape[2] > 1:
        return _tiles(item, pixels)
    return _largest(item.reshape(-1), names)


def _tiles(planes, pixels):
    channels, height, width = planes.shape
    most = min(channels, _TILES)
    side = min(_SIDE, math.sqrt(pixels / min(most, 16)))
    scale = min(1.0, side / max(height, width))
    high, wide = max(1, round(height * scale)), max(1, round(width * scale))
    count = int(max(1, min(most, pixels // (high * wide))))
    small = np.stack([resized(plane[..., None], high, wide) for plane in scaling.finite(planes[:count])])
    which = f"{channels} channels" if count == channels else f"the first {count} of {channels} channels"
    said = f"{which}, each from its least (black) to its largest value; all {_number(planes.min())} to "
    said += _number(planes.max())
    return {"url": page.png(files.png(grid(scaling.each(small)))), "said": said, "smooth": max(high, wide) > 40}


def _largest(values, names):
    if len(values) == 1:
        return {"said": "one value", "top": [["", float(_number(values[0]))]]}
    if names is None or len(names) != len(values):
        names = class_names.of_count(len(values))
    places = np.argsort(-values, kind="stable")[:_TOP]
    top = [[names[place], float(_number(values[place]))] for place in places]
    return {"said": f"the {len(places)} largest of {len(values)} values", "top": top}


def _number(value):
    return f"{float(value):.4g}"
