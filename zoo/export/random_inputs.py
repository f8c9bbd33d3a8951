"""Random inputs of the kind that a net expects: images as they are after preprocessing, indices, markers."""

import numpy as np

from zoo.netdef.shape_inference import infer_shapes


def random_inputs(conversion, batch=None, seed=0):
    """Returns {blob: float32 array of Caffe's shape}.

    What Embed or BatchReindex reads are indices in range, the markers of a recurrent layer and Filter's selectors are
    0 or 1; the size of an image that proposals are cut to is that of the image which their map covers; images are even
    noise in the range that their mean and scale make of 0..255; all else is in -1..1.

    Args:
        batch: axis 0 of every input; None keeps the file's.
        seed: of the random numbers.
    """
    rng, layers = np.random.default_rng(seed), infer_shapes(conversion.definition)
    values = {}
    for ref in conversion.inputs:
        shape = conversion.shapes[ref]
        shape = (batch, *shape[1:]) if batch and shape else shape
        below, example = _said(layers, ref, "integers"), _said(layers, ref, "example_values")
        if below:
            array = rng.integers(0, below, shape)
        elif example is not None:
            array = np.resize(example, shape)
        else:
            low, high = _range(conversion.preprocessing[ref.name], len(shape))
            array = low + (high - low) * rng.random(shape)
        values[ref.name] = np.asarray(array, np.float32)
    return values


def _said(layers, ref, fact):
    """Returns what the first layer that says it says of an input by the method `fact` of its type, or None."""
    for layer in layers:
        bottoms = layer.definition.bottoms
        said = getattr(layer.type, fact)(layer.bottoms).get(bottoms.index(ref)) if ref in bottoms else None
        if said is not None:
            return said
    return None


def _range(preprocessing, rank):
    """Returns (low, high), each a number or an array that broadcasts over (N,C,H,W)."""
    if "values" not in preprocessing.as_dict():
        return -1.0, 1.0
    mean = np.array(preprocessing.mean or (0.0,))
    mean = mean.reshape(-1, 1, 1) if rank == 4 else mean.mean()
    return (0 - mean) * preprocessing.scale, (255 - mean) * preprocessing.scale
