"""Real inputs of a net, as its data layer or a source of the same kind gives them, or from images or an .npz."""

import itertools
import json
import os
import zipfile
import zlib

import numpy as np

from zoo.errors import DataError, Place, UnsupportedError
from zoo.export import config_net
from zoo.export.preprocessing import gives_images
from zoo.formats import regular
from zoo.netdef.changes import Change
from zoo.netdef.data_source import source_field

COUNT = 100  # items, where nobody says otherwise: what quantizing measures ranges on


def examples(request, conversion, source, count=COUNT):
    """Returns ({input: float32 array of Caffe's shape, `count` items or fewer}, what they are, in words).

    Args:
        request: the `Request`, whose config has the data layer.
        conversion: its `Conversion`.
        source: a directory of images, or a list of them (.txt), prepared as the net's preprocessing says; an .npz with
            an array for each input, as the net takes them; another source for the net's own data layer; or "" for that
            layer as it is.

    Raises:
        ZooError: there is no such source, it does not fit the net, or the net has no data layer to read it.
    """
    if source.endswith(".npz"):
        return _of_npz(conversion, source, count), source
    if images := _images(request, conversion, source)[:count]:
        said = f"{len(images)} images of {source}"
        known = gives_images(conversion.preprocessing[conversion.inputs[0].name].layer)
        as_they_are = ", pixels 0..255 as they are: the config says nothing of their preprocessing"
        return request.prepare(conversion, images), said if known else said + as_they_are
    return _of_data_layer(request, conversion, source, count)


def _images(request, conversion, source):
    """Returns the paths of the images that a source holds or lists; [] where it is for the net's data layer."""
    if os.path.isdir(source):
        return request.images_of(source)
    listed = source.endswith(".txt") and os.path.isfile(source)
    fed = conversion.preprocessing[conversion.inputs[0].name].layer
    return request.images_of(source) if listed and (fed == "Data" or not gives_images(fed)) else []


def _of_npz(conversion, path, count):
    names = [ref.name for ref in conversion.inputs]
    try:
        with regular.open_binary(path) as file:
            found = np.load(file, allow_pickle=False)
            if isinstance(found, np.ndarray):
                raise ValueError("an array without a name (.npy)")
            arrays = {name: np.asarray(found[name], np.float32) for name in names if name in found}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as cause:
        raise DataError("no .npz of inputs", at=Place(path), got=getattr(cause, "strerror", None) or cause) from None
    for ref in conversion.inputs:
        want, got = conversion.shapes[ref], arrays[ref.name].shape if ref.name in arrays else "no such array"
        if len(got) != len(want) or got[1:] != want[1:] or got[:1] == (0,):
            what = f'array "{ref.name}" does not fit the input'
            raise DataError(what, at=Place(path), got=got, want=("1 or more", *want[1:]))
    counts = {name: len(array) for name, array in arrays.items() if array.ndim}  # a scalar is the same for all items
    if len(set(counts.values())) > 1:
        got = ", ".join(f"{number} of {name}" for name, number in counts.items())
        raise DataError("the inputs have different numbers of items", at=Place(path), got=got)
    return {name: array[:count] if array.ndim else array for name, array in arrays.items()}


def _of_data_layer(request, conversion, source, count):
    from zoo.input.pipeline import data_layer
    from zoo.layers.ops.layout import to_caffe

    where = (request.config, request.phase or "TEST", request.level, request.stages, request.data_dir)
    names = {ref.name for ref in conversion.inputs}
    origin = config_net.read(*where, request.changes)
    layers = [layer for layer in origin.definition.layers if _feeds(layer, names)]
    if len(layers) != 1:
        hint = (
            "take the config that the net is trained with, or --representative=FOLDER of images, or an .npz of inputs"
        )
        what, at = "the net has no data layer that feeds all its inputs", Place(request.config)
        raise UnsupportedError(what, at=at, hint=hint)
    (layer,) = layers
    if source:
        field = source_field(layer.message)
        if field is None:
            raise UnsupportedError("the data layer reads no source", at=layer.at(), got=layer.type)
        text = f"layer {{ name: {json.dumps(layer.name)} {field} {{ source: {json.dumps(source)} }} }}"
        origin = config_net.read(*where, [*request.changes, Change(text, "--representative")])
        layer = next(other for other in origin.definition.layers if other.name == layer.name)
    feed = data_layer(layer, "TEST", data_dir=request.data_dir)
    tops = [ref.name for ref in layer.tops]
    found = {name: [] for name in names}
    with feed.reading():
        for batch in itertools.islice(feed.dataset(), -(-count // feed.shapes[0][0])):
            for name, tensor in zip(tops, batch):
                if name in names:
                    found[name].append(np.asarray(to_caffe(tensor), np.float32))
    arrays = {ref.name: np.concatenate(found[ref.name])[:count] for ref in conversion.inputs}
    return arrays, f"{len(next(iter(arrays.values())))} items of {source or feed.title() or layer.name}"


def _feeds(layer, names):
    return not layer.bottoms and layer.type != "Input" and names <= {ref.name for ref in layer.tops}
