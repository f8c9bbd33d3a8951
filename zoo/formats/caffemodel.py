"""Weights files: the one door to binary and HDF5 `.caffemodel`s, and to the `.keras` files that we write.

Memory: the arrays of a binary file are read-only views of its bytes, which are read once; nothing is copied.
"""

import math

import numpy as np

from zoo.errors import Place, WeightsError, did_you_mean
from zoo.formats import (
    atomic,
    blobproto,
    caffe_pb2,
    caffemodel_binary,
    caffemodel_hdf5,
    hdf5,
    keras_weights,
    weightsfile,
    wire,
)

_LARGEST = 2**31 - 1  # of a protocol-buffer message; io.cpp kProtoReadBytesLimit


class Weights(dict):
    """Layer name -> list of float32 arrays, in the file's order; a layer without parameters has an empty list.

    An HDF5 file has a shared parameter only in the layer that owns it: elsewhere its place holds None, or the list
    ends before it.

    Attributes:
        net: the net's name in the file; "" in HDF5.
        legacy: set of (layer, index) whose shape the file gives in the four numbers of old files.
        hdf5: whether it came from Caffe's HDF5, so that parameters may be missing.
        binary: whether it came from Caffe's binary form.
    """

    def __init__(self, layers=(), *, net="", legacy=(), hdf5=False, binary=False):
        super().__init__(layers)
        self.net, self.legacy, self.hdf5, self.binary = net, frozenset(legacy), hdf5, binary

    def fits(self, layer, index, shape):
        """Whether a parameter of `shape` may take blob `index` of `layer`, by Caffe's rule (Blob::ShapeEquals)."""
        return blobproto.Blob(self[layer][index], (layer, index) in self.legacy).fits(shape)


def read(path):
    """Returns the `Weights` in the file at `path`, told apart by content: binary of any generation, HDF5, `.keras`.

    Of two layers of one name the later one counts, as it does in Caffe, which copies one over the other.

    Raises:
        WeightsError: no such file, or one that is damaged or something else.
    """
    weightsfile.check(path, WeightsError)
    if hdf5.is_hdf5(path):
        return Weights(caffemodel_hdf5.read(path), hdf5=True)
    if keras_weights.is_archive(path):
        net, layers = keras_weights.read(path)
        return Weights(layers, net=net)
    net, layers = _decode(path)
    weights, legacy = {}, set()
    for layer in layers:
        before = weights.get(layer.name)
        if before is not None and len(before) != len(layer.blobs):
            raise WeightsError(
                "two layers of one name",
                at=Place(str(path), layer=layer.name),
                got=f"{len(before)} and {len(layer.blobs)} parameters",
                want="as many",
            )
        weights[layer.name] = [blob.array for blob in layer.blobs]
        legacy.difference_update([(layer.name, index) for index in range(len(layer.blobs))])
        legacy.update((layer.name, index) for index, blob in enumerate(layer.blobs) if blob.legacy)
    return Weights(weights, net=net, legacy=legacy, binary=True)


def read_layers(path):
    """Returns (net name, list of `caffemodel_binary.SavedLayer`) of the binary file at `path`, for looking into it.

    Raises:
        WeightsError: as `read`; an HDF5 file too, which says nothing of types and blob names.
    """
    weightsfile.check(path, WeightsError)
    return _decode(path)


def write(path, layers, net=None, *, diffs=None, shared=()):
    """Writes weights that Caffe itself can load: HDF5 where `path` ends in ".h5", else binary.

    What lay at `path` is replaced only once all of the new file is on the disk.

    Args:
        path: where to.
        layers: {name: list of arrays}, written as float32 in Caffe's order and shapes.
        net: NetParameter of the current generation: all its layers are written in its order, whole, with the arrays
            as their blobs; without it only the names and blobs of `layers` are, which is all that Caffe needs.
        diffs: None, or {name: list of arrays}, the gradients that `snapshot_diff` asks for.
        shared: set of (name, index) that another layer owns; HDF5 leaves them out, binary has them in every layer.

    Raises:
        WeightsError: the file cannot be written, or `layers` or `diffs` do not go together with `net` or each other.
    """
    pairs = _pairs(path, layers, net)
    _check_diffs(path, layers, diffs or {})
    if str(path).endswith(".h5"):
        named = [(message.name, arrays) for message, arrays in pairs]
        caffemodel_hdf5.write(path, named, diffs=diffs, shared=frozenset(shared))
        return
    size = sum(4 * math.prod(np.shape(a)) for side in (layers, diffs or {}) for arrays in side.values() for a in arrays)
    if size > _LARGEST:
        hint = "HDF5 has no such limit: a name that ends in .caffemodel.h5"
        raise WeightsError(
            "too large for a binary file", at=Place(str(path)), got=size, want=f"at most {_LARGEST}", hint=hint
        )
    with atomic.replacing(path, WeightsError) as file:
        caffemodel_binary.write(file, net.name if net else "", pairs, diffs or {})


def _decode(path):
    data = weightsfile.load(path, WeightsError)
    try:
        return caffemodel_binary.decode(data)
    except wire.WireError as cause:
        hint = weightsfile.what_is(data, weightsfile.WEIGHTS)
        if hint:
            raise WeightsError("not a Caffe weights file", at=Place(str(path)), hint=hint) from cause
        raise cause.to(WeightsError, path) from cause


def _pairs(path, layers, net):
    """Returns [(LayerParameter, arrays)] in the net's order, or in that of `layers` without one."""
    if net is None:
        return [(caffe_pb2.LayerParameter(name=name), list(arrays)) for name, arrays in layers.items()]
    place = Place(str(path))
    if net.layers:
        raise WeightsError("the net is of an old generation", at=place, got=f"{len(net.layers)} `layers`")
    names = [layer.name for layer in net.layer]
    for name in layers:
        if layers[name] and names.count(name) != 1:
            raise WeightsError(
                "weights and net do not go together",
                at=Place(str(path), layer=name),
                got=f"{names.count(name)} such layers in the net",
                want="1",
                hint=did_you_mean(name, names) if name not in names else None,
            )
    return [(layer, list(layers.get(layer.name, ()))) for layer in net.layer]


def _check_diffs(path, layers, diffs):
    for name, arrays in diffs.items():
        got, want = [np.shape(a) for a in arrays], [np.shape(a) for a in layers.get(name, ())]
        if got != want:
            raise WeightsError("gradients unlike the weights", at=Place(str(path), layer=name), got=got, want=want)
