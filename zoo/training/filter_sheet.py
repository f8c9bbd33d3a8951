"""Convolution filters as one image."""

import math

import numpy as np


def filter_sheet(filters, scale=6, gap=1):
    """Returns convolution filters as one image, (height, width, 1 or 3) float32 in 0..1.

    Args:
        filters: (outputs, inputs, h, w), Caffe's order; 3 inputs are shown as B,G,R colours, others by their mean.
        scale: pixels for each weight.
        gap: white pixels between filters, before scaling.
    """
    colour = filters.shape[1] == 3
    tiles = filters[:, ::-1].transpose(0, 2, 3, 1) if colour else filters.mean(axis=1)[..., None]
    low = tiles.min(axis=(1, 2, 3), keepdims=True)
    spread = np.maximum(tiles.max(axis=(1, 2, 3), keepdims=True) - low, 1e-12)
    tiles = (tiles - low) / spread
    count, height, width, channels = tiles.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.ones((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), np.float32)
    for index, tile in enumerate(tiles):
        y, x = index // columns * (height + gap), index % columns * (width + gap)
        sheet[y : y + height, x : x + width] = tile
    return sheet.repeat(scale, axis=0).repeat(scale, axis=1)
