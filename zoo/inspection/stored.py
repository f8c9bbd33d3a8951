"""Blobs of a weights file against the layers of a net."""

from zoo.errors import Place, did_you_mean
from zoo.inspection.finding import DIFFERS, STOPS, Finding


def against(view, path: str) -> list[Finding]:
    """Returns the findings of `view.weights`, from the file `path`: what fits no layer, and layers left without."""
    found, names = [], {layer.key for layer in view.definition.layers}
    for name, arrays in view.weights.items():
        if arrays and name not in names:
            shapes = ", ".join(str(tuple(array.shape)) for array in arrays if array is not None)
            what = f"blobs {shapes} of the weights fit no layer of the net, so nothing reads them"
            hint = did_you_mean(name, names)
            found.append(Finding(DIFFERS, "weights-without-layer", Place(path, layer=name), what, hint))
    for planned in view.planned:
        layer, arrays = planned.definition, view.blobs(planned.definition)
        if not planned.blobs or any(param.name for param in layer.message.param):
            continue
        if not arrays:
            what = "has no blobs in the weights: it keeps what its fillers draw"
            found.append(Finding(DIFFERS, "layer-without-weights", layer.at(), what, "other weights, or another name"))
            continue
        wrong = [
            f"blob {index} is {tuple(array.shape)} in the weights, {spec.shape} in the net"
            for index, (array, spec) in enumerate(zip(arrays, planned.blobs))
            if array is not None and not view.weights.fits(layer.key, index, spec.shape)
        ]
        if len(arrays) != len(planned.blobs) and not view.weights.hdf5:
            wrong.insert(0, f"the weights have {len(arrays)} blobs, the net {len(planned.blobs)}")
        if wrong:
            cure = "weights of this net; or another name for the layer, to start it from its fillers"
            found.append(Finding(STOPS, "weights-do-not-fit", layer.at(), "; ".join(wrong), cure))
    return found
