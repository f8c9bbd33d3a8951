"""Filters of a convolution -> one image."""

import numpy as np

from zoo.images import scaling
from zoo.images.grid import grid


def filter_sheet(filters, scale=6, gap=1):
    """Returns convolution filters as one image, (height, width, 1 or 3) float32 in 0..1.

    Args:
        filters: (outputs, inputs, h, w), Caffe's order; 3 inputs are shown as B,G,R colours, others by their mean.
        scale: pixels for each weight.
        gap: white pixels between filters, before scaling.
    """
    filters = np.asarray(filters)
    colour = filters.shape[1] == 3
    tiles = filters[:, ::-1].transpose(0, 2, 3, 1) if colour else filters.mean(axis=1)[..., None]
    return grid(scaling.each(tiles), scale=scale, gap=gap)
