"""Axpy and ShuffleChannel, and SpatialDropout, which does nothing in TEST."""

import numpy as np

from zoo.export.onnx.registry import writer


@writer("Axpy")
def axpy(site):
    """A product and a sum."""
    a, x, b = site.inputs
    shape = site.bottoms[1]
    factors = site.reshape(a, (*shape[:2], *[1] * (len(shape) - 2))) if len(site.bottoms[0]) != len(shape) else a
    return site.op("Add", site.op("Mul", factors, x), b)


@writer("ShuffleChannel")
def shuffle_channel(site):
    """Gather of the channels in their new order."""
    order = np.arange(site.bottoms[0][1]).reshape(site.kind.group, -1).T.ravel()
    y = site.op("Gather", site.inputs[0], site.ints(*order), axis=1)
    return site.reshape(y, site.tops[0]) if len(site.bottoms[0]) < 4 else y


@writer("SpatialDropout")
def spatial_dropout(site):
    """Nothing, as in TEST."""
    return site.inputs[0]
