"""What a page says of a net's parameters: statistics of each blob, and filters as images."""

import numpy as np

from zoo.images import files
from zoo.images.filters import filter_sheet
from zoo.pages import page

BINS = 24
_COUNTED = 1 << 20  # values of a blob that its histogram counts; of more, every so many-th
_FILTERS = 256  # of a layer that are shown
_MOST = 3 << 20  # bytes of all images of filters; those of later layers are left out


def weight_facts(layers, said, drawn=()):
    """Returns plain data: what they are of, {layer key: a dict or None for each blob}, {layer key: image of filters}.

    Args:
        layers: what has `definition` and `parameters`, as `BuiltLayer` and `ArrayLayer`.
        said: whose they are, in words: "of lenet_iter_10000.caffemodel".
        drawn: keys of the layers that no weights file has, so that their numbers are the fillers'.
    """
    blobs, filters, size = {}, {}, 0
    for layer in layers:
        key = layer.definition.key
        if not layer.parameters or key in drawn:
            continue
        arrays = [np.asarray(parameter.array()) for parameter in layer.parameters]
        blobs[key] = [statistics(array) for array in arrays]
        shown = _filters(arrays[0])
        if shown and size + len(shown["url"]) <= _MOST:
            filters[key] = shown
            size += len(shown["url"])
    return {"said": said, "blobs": blobs, "filters": filters}


def statistics(array):
    """Returns {min, max, mean, std, zeros (share), bad (how many are not finite), bins (a histogram)}, None for none.

    Numbers are cut to 6 digits, so that machines that add in another order write the same page.
    """
    values = array.reshape(-1)
    good = values[np.isfinite(values)] if values.size and not np.isfinite(values).all() else values
    if not good.size:
        return None
    least, most = float(good.min()), float(good.max())
    counted = good[:: -(-good.size // _COUNTED)]
    numbers = {
        "min": least,
        "max": most,
        "mean": good.mean(dtype=np.float64),
        "std": good.std(dtype=np.float64),
        "zeros": 1 - np.count_nonzero(good) / good.size,
    }
    bins = np.histogram(counted, BINS, (least, most) if most > least else None)[0]
    cut = {name: float(f"{value:.6g}") for name, value in numbers.items()}
    return {**cut, "bad": int(values.size - good.size), "bins": bins.tolist()}


def _filters(weight):
    """Returns an image of the filters of a convolution's weight (outputs, inputs, h, w); None for any other."""
    if weight.ndim != 4 or weight.shape[2] * weight.shape[3] < 2 or not weight.size:
        return None
    outputs, inputs = weight.shape[:2]
    of = "inputs as B, G, R" if inputs == 3 else f"mean over {inputs} inputs" if inputs > 1 else ""
    which = f"{outputs} filters" if outputs <= _FILTERS else f"the first {_FILTERS} of {outputs} filters"
    said = ", ".join(filter(None, [which, of, "each from its least to its largest weight"]))
    sheet = filter_sheet(weight[:_FILTERS], scale=1)
    return {"url": page.png(files.png(sheet)), "said": said}
