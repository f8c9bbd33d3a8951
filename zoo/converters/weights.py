"""Arrays of a weights file -> the variables of a net, by layer name (net.cpp CopyTrainedLayersFrom), and back."""

import os
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import WeightsError, ZooError, raise_together
from zoo.formats import caffemodel
from zoo.formats.layer_keys import layer_keys, said
from zoo.layers.base.blobs import BlobSpec
from zoo.netdef.netdef import LayerDef, ParamKey

if TYPE_CHECKING:
    from zoo.converters.blob_arrays import ArrayNet
    from zoo.converters.build import Net


@dataclass(frozen=True)
class Loaded:
    """What became of each layer that has parameters; layers of the net by their keys.

    Attributes:
        copied: layers whose blobs were taken from the file.
        kept: layers of the net to which the file gives nothing; they keep their values.
        skipped: names of layers of the file that the net does not have.
    """

    copied: tuple[str, ...]
    kept: tuple[str, ...]
    skipped: tuple[str, ...]

    def __str__(self):
        parts = [
            f"{word}: {said(names)}"
            for word, names in (
                ("copied", self.copied),
                ("kept as they were", self.kept),
                ("not in this net", self.skipped),
            )
        ]
        return "; ".join(parts)


def load(net: "Net | ArrayNet", path: str | os.PathLike[str], but: Container[ParamKey] = ()) -> Loaded:
    """Copies the weights in the file at `path` into `net`, built or its arrays alone, by layer name.

    Returns a `Loaded`.

    A layer that only one side has is passed over, as Caffe does; one that both have must fit.

    Args:
        net: the net.
        path: the file's.
        but: keys of parameters that are left as they are.

    Raises:
        WeightsError: the file is damaged, no layer of it is in the net, or layers of one name differ in the number or
            shapes of their blobs: all of these in one error, nothing having been copied.

    Example:
        >>> from zoo.converters.build import build
        >>> from zoo.formats.prototxt import parse_net
        >>> from zoo.netdef.net import net_def
        >>> parsed = parse_net('''
        ... layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }
        ... layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 4 } }''')
        >>> net = build(net_def(parsed, "TEST"))
        >>> ip = [np.ones((4, 3), np.float32), np.zeros(4, np.float32)]
        >>> caffemodel.write("other.caffemodel", {"ip": ip, "fc8": ip})
        >>> load(net, "other.caffemodel").skipped
        ('fc8',)
        >>> float(net.layers[1].parameters[0].array().sum())
        12.0
    """
    weights = caffemodel.read(path)
    found = targets(weights, [(layer.definition.name, bool(layer.parameters)) for layer in net.layers])
    taken, errors, pairs = {}, [], []
    for key, index in found.items():
        layer = net.layers[index]
        specs = [parameter.spec for parameter in layer.parameters]
        own = {i for i, p in enumerate(layer.parameters) if p.key == ParamKey(layer.definition.key, i)}
        fitting, refusals = match(layer.definition, specs, weights, key, path, own)
        if layer.parameters:
            taken[layer.definition.key] = None
        pairs += [(layer.parameters[index], array) for index, array in fitting]
        errors += refusals
    able = [layer.definition.key for layer in net.layers if layer.parameters]
    skipped = tuple(weights.names[key] for key in weights if weights[key] and key not in found)
    if able and not taken and not errors:
        want = said(able[:8])
        raise WeightsError(f"{path} has no weights for any layer of this net", got=said(skipped[:8]), want=want)
    raise_together(errors)
    for parameter, array in pairs:
        if parameter.key not in but:
            parameter.assign(array)
    return Loaded(tuple(taken), tuple(key for key in able if key not in taken), skipped)


def targets(weights: caffemodel.Weights, layers: Sequence[tuple[str, bool]]) -> dict[str, int]:
    """Returns {layer key of a weights file: index of the net's layer that it goes to}, without what goes nowhere.

    Layers go together by name. Of several layers of one name in the net, Caffe gives the first all that a binary file
    has of the name, one over the other (net.cpp CopyTrainedLayersFrom), and the last what an HDF5 file has. Our .keras
    file gives to each its own.

    Args:
        weights: what the file holds.
        layers: pairs (name, whether it has parameters) of the net.
    """
    if weights.hdf5:
        places = {name: index for index, (name, _) in enumerate(layers)}
    elif weights.binary:
        places = {name: index for index, (name, _) in reversed(list(enumerate(layers)))}
    else:
        able = [index for index, (_, able) in enumerate(layers) if able]
        places = dict(zip(layer_keys(layers[index][0] for index in able), able))
    return {key: places[name] for key, name in weights.names.items() if name in places}


def match(
    layer: LayerDef,
    specs: Sequence[BlobSpec],
    weights: caffemodel.Weights,
    key: str,
    path: str | os.PathLike[str],
    own: Container[int],
    hint: str = "rename the layer to train it from scratch",
) -> tuple[list[tuple[int, np.ndarray]], list[ZooError]]:
    """Returns ([(index of a blob, array)], [errors]) for layer `key` of a file and the layer that it goes to.

    Args:
        layer: the layer of the net.
        specs: what it wants of each of its blobs.
        weights: what the file holds.
        key: the layer's in the file.
        path: the file's, for errors.
        own: indices of the blobs that no other layer owns: HDF5 has them here.
        hint: what errors say to do where a blob has another shape.
    """
    arrays, wanted, place = weights[key], len(specs), layer.at()
    if weights.hdf5:  # a shared blob stands with its owner alone
        arrays = [*arrays, *[None] * (wanted - len(arrays))]
    if len(arrays) != wanted:
        alike = weights.binary and list(weights.names.values()).count(weights.names[key]) > 1
        why = "all layers of this name in the file go to the first of the net, as in Caffe" if alike else None
        what = f"wrong number of blobs in {path}"
        return [], [WeightsError(what, at=place, got=len(arrays), want=wanted, hint=why)]
    pairs, errors = [], []
    for index, (array, spec) in enumerate(zip(arrays, specs)):
        if array is None:
            if index in own:
                errors.append(WeightsError(f"blob {index} is not in {path}", at=place, want=spec.shape))
        elif weights.fits(key, index, spec.shape):
            pairs.append((index, array))
        else:
            what, got = f"blob {index} in {path} does not fit", tuple(array.shape)
            errors.append(WeightsError(what, at=place, got=got, want=spec.shape, hint=hint))
    return pairs, errors


def lost(net: "Net | ArrayNet") -> list[LayerDef]:
    """Returns the layers of `net` whose parameters a binary file cannot give back: an earlier layer has their name."""
    first = {layer.definition.name: layer for layer in reversed(net.layers)}
    return [layer.definition for layer in net.layers if layer.parameters and layer is not first[layer.definition.name]]


def arrays(net: "Net | ArrayNet") -> dict[str, list[np.ndarray]]:
    """Returns {layer key: list of float32 arrays of Caffe's shapes} for every layer of `net`, shared blobs in each."""
    return {layer.definition.key: [p.array() for p in layer.parameters] for layer in net.layers}


def shared(net: "Net | ArrayNet") -> set[tuple[str, int]]:
    """Returns the (layer key, index) of the blobs of `net` that another of its layers owns."""
    return {
        (layer.definition.key, index)
        for layer in net.layers
        for index, parameter in enumerate(layer.parameters)
        if parameter.key != (layer.definition.key, index)
    }
