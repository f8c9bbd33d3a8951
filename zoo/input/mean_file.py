"""The mean image that a transform_param names."""

import numpy as np

from zoo.formats import blobproto


def mean_image(path):
    """Returns the mean image of a .binaryproto file as float32 (H, W, C); raises DataError."""
    return np.ascontiguousarray(blobproto.read_mean(path).transpose(1, 2, 0))
