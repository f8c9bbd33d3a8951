"""Arrays of a weights file -> the variables of a net, by layer name (net.cpp CopyTrainedLayersFrom), and back."""

import os
from dataclasses import dataclass

import numpy as np

from zoo.converters.build import Net
from zoo.errors import WeightsError, raise_together
from zoo.formats import caffemodel
from zoo.netdef.netdef import ParamKey


@dataclass(frozen=True)
class Loaded:
    """What became of each layer that has parameters.

    Attributes:
        copied: layers whose blobs were taken from the file.
        kept: layers of the net that the file does not have; they keep their values.
        skipped: layers of the file that the net does not have.
    """

    copied: tuple[str, ...]
    kept: tuple[str, ...]
    skipped: tuple[str, ...]

    def __str__(self):
        parts = [
            f"{word}: {', '.join(names) if names else 'none'}"
            for word, names in (
                ("copied", self.copied),
                ("kept as they were", self.kept),
                ("not in this net", self.skipped),
            )
        ]
        return "; ".join(parts)


def load(net: Net, path: str | os.PathLike[str]) -> Loaded:
    """Copies the weights in the file at `path` into `net` (a built `Net`) by layer name; returns a `Loaded`.

    A layer that only one side has is passed over, as Caffe does; one that both have must fit.

    Raises:
        WeightsError: the file is damaged, no layer of it is in the net, or layers of one name differ in the number or
            shapes of their blobs: all of these in one error, nothing having been copied.
    """
    weights = caffemodel.read(path)
    layers = {layer.definition.name: layer for layer in net.layers if layer.parameters}
    copied = [name for name in weights if name in layers]
    errors, pairs = [], []
    for name in copied:
        fitting, refusals = _match(layers[name], weights, path)
        pairs += fitting
        errors += refusals
    skipped = tuple(name for name in weights if weights[name] and name not in layers)
    if not copied and layers:
        want = ", ".join(list(layers)[:8])
        raise WeightsError(
            f"{path} has no weights for any layer of this net", got=", ".join(skipped[:8]) or "none", want=want
        )
    raise_together(errors)
    for parameter, array in pairs:
        parameter.assign(array)
    return Loaded(tuple(copied), tuple(name for name in layers if name not in weights), skipped)


def _match(layer, weights, path):
    """Returns ([(parameter, array)], [errors]) for one layer that both sides have."""
    name, arrays = layer.definition.name, weights[layer.definition.name]
    place, wanted = layer.definition.at(), len(layer.parameters)
    if weights.hdf5:  # a shared blob stands with its owner alone
        arrays = [*arrays, *[None] * (wanted - len(arrays))]
    if len(arrays) != wanted:
        return [], [WeightsError(f"wrong number of blobs in {path}", at=place, got=len(arrays), want=wanted)]
    pairs, errors = [], []
    for index, (array, parameter) in enumerate(zip(arrays, layer.parameters)):
        if array is None:
            if parameter.key == ParamKey(name, index):
                errors.append(WeightsError(f"blob {index} is not in {path}", at=place, want=parameter.spec.shape))
        elif weights.fits(name, index, parameter.spec.shape):
            pairs.append((parameter, array))
        else:
            errors.append(
                WeightsError(
                    f"blob {index} in {path} does not fit",
                    at=place,
                    got=tuple(array.shape),
                    want=parameter.spec.shape,
                    hint="rename the layer to train it from scratch",
                )
            )
    return pairs, errors


def arrays(net: Net) -> dict[str, list[np.ndarray]]:
    """Returns {layer name: list of float32 arrays of Caffe's shapes} for every layer of `net`, shared blobs in each."""
    return {layer.definition.name: [p.array() for p in layer.parameters] for layer in net.layers}
