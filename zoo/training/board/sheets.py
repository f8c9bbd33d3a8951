"""Items of a batch, mistakes and activations as one image each. NumPy alone."""

import numpy as np

from zoo.images import captions, scaling
from zoo.images.filters import filter_sheet
from zoo.images.grid import grid, resized

LEAST, MOST = 84, 160  # pixels of a tile's width
_COLUMNS = 8
_MAP = 48  # least pixels of an activation's width


def tiles(images):
    """Returns images (N, H, W, 1 or 3), in R,G,B and of any range, as tiles of a fitting size in 0..1."""
    return _sized(scaling.together(images), LEAST, MOST)


def inputs(images, labels, names):
    """Returns images, as `tiles` takes them, with their labels, one sheet; `labels` None leaves them out."""
    shown = tiles(images)
    if labels is not None:
        shown = captions.captioned(shown, [_name(names, label) for label in labels])
    return grid(shown, columns=min(_COLUMNS, len(shown)), gap=4)


def predicted(images, labels, shares, names):
    """Returns images with what the net takes each for and how surely, green where it is right."""
    texts, colours = [], []
    for label, row in zip(labels, shares):
        best = int(np.argmax(row))
        right = best == int(label)
        share = f"{100 * row[best]:.0f}%"
        texts.append(f"{_name(names, best)} {share}" if right else f"{_name(names, best)} not {_name(names, label)}")
        colours.append(captions.GOOD if right else captions.BAD)
    shown = captions.captioned(tiles(images), texts, colours)
    return grid(shown, columns=min(_COLUMNS, len(shown)), gap=4)


def mistaken(images, pairs, names):
    """Returns images with (label, prediction) under each."""
    texts = [f"{_name(names, taken)} not {_name(names, label)}" for label, taken in pairs]
    shown = captions.captioned(tiles(images), texts, [captions.BAD] * len(texts))
    return grid(shown, columns=min(_COLUMNS, len(shown)), gap=4)


def activations(maps):
    """Returns the channels (C, H, W) of a value, all in one range, as one sheet: black the least, white the largest."""
    shown = _sized(scaling.together(maps)[..., None], _MAP, MOST // 2)
    return grid(shown, gap=2, background=0.35)


def filters(array, order="BGR"):
    """Returns the filters (outputs, inputs, h, w) of a first convolution, at most 256 of them; `order` of 3 inputs."""
    array = array[:256, ::-1] if array.shape[1] == 3 and order == "RGB" else array[:256]
    return filter_sheet(array, scale=max(1, min(8, 512 // (array.shape[3] * int(np.ceil(len(array) ** 0.5))))))


def _sized(tiles, least, most):
    """Returns tiles enlarged by whole pixels to at least `least` in width, or made smaller to `most`."""
    height, width = tiles.shape[1:3]
    if width > most:
        return np.stack([resized(tile, max(1, round(height * most / width)), most) for tile in tiles])
    times = -(-least // width)
    return tiles.repeat(times, axis=1).repeat(times, axis=2)


def _name(names, label):
    return names[int(label)] if 0 <= int(label) < len(names) else f"{label:g}"
