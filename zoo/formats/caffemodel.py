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
from zoo.formats.layer_keys import layer_keys

_LARGEST = 2**31 - 1  # of a protocol-buffer message; io.cpp kProtoReadBytesLimit


class Weights(dict):
    """Layer key -> list of float32 arrays, in the file's order; a layer without parameters has an empty list.

    A layer's key is its name; a binary file may have a name more than once, and then `layer_keys` tells its layers
    apart. An HDF5 file has a shared parameter only in the layer that owns it: elsewhere its place holds None, or the
    list ends before it.

    Attributes:
        net: the net's name in the file; "" in HDF5.
        names: {key: name of the layer}.
        legacy: set of (key, index) whose shape the file gives in the four numbers of old files.
        hdf5: whether it came from Caffe's HDF5, so that parameters may be missing.
        binary: whether it came from Caffe's binary form.
    """

    def __init__(self, layers=(), *, net="", names=None, legacy=(), hdf5=False, binary=False):
        super().__init__(layers)
        self.names = {key: key for key in self} if names is None else names
        self.net, self.legacy, self.hdf5, self.binary = net, frozenset(legacy), hdf5, binary

    def fits(self, key, index, shape):
        """Whether a parameter of `shape` may take blob `index` of layer `key`, by Caffe's rule (Blob::ShapeEquals)."""
        return blobproto.Blob(self[key][index], (key, index) in self.legacy).fits(shape)


def read(path):
    """Returns the `Weights` in the file at `path`, told apart by content: binary of any generation, HDF5, `.keras`.

    Raises:
        WeightsError: no such file, or one that is damaged or something else.
    """
    weightsfile.check(path, WeightsError)
    if hdf5.is_hdf5(path):
        return Weights(caffemodel_hdf5.read(path), hdf5=True)
    if keras_weights.is_archive(path):
        net, layers = keras_weights.read(path)
        return Weights(layers, net=net)
    return _weights(*_decode(path))


def of_bytes(data, name="the buffer"):
    """Returns the `Weights` in the bytes of a binary file; `name` is what errors call them.

    Raises:
        WeightsError: the bytes are damaged or something else.
    """
    return _weights(*_decoded(data, name))


def _weights(net, layers):
    keyed = dict(zip(layer_keys(layer.name for layer in layers), layers))
    legacy = {(key, i) for key, layer in keyed.items() for i, blob in enumerate(layer.blobs) if blob.legacy}
    weights = {key: [blob.array for blob in layer.blobs] for key, layer in keyed.items()}
    names = {key: layer.name for key, layer in keyed.items()}
    return Weights(weights, net=net, names=names, legacy=legacy, binary=True)


def read_layers(path):
    """Returns (net name, list of `caffemodel_binary.SavedLayer`) of the binary file at `path`, for looking into it.

    Raises:
        WeightsError: as `read`; an HDF5 file too, which says nothing of types and blob names.
    """
    weightsfile.check(path, WeightsError)
    return _decode(path)


def write(path, layers, net=None, *, diffs=None, shared=(), hdf5_form=None):
    """Writes weights that Caffe itself can load: HDF5 where `path` ends in ".h5", else binary.

    What lay at `path` is replaced only once all of the new file is on the disk.

    Args:
        path: where to.
        layers: {layer key: list of arrays}, written as float32 in Caffe's order and shapes; `Weights`, or keys that
            are the names themselves, where no `net` is given.
        net: NetParameter of the current generation: all its layers are written in its order, whole, with the arrays
            as their blobs; without it only the names and blobs of `layers` are, which is all that Caffe needs.
        diffs: None, or {layer key: list of arrays}, the gradients that `snapshot_diff` asks for.
        shared: set of (layer key, index) that another layer owns; HDF5 leaves them out, binary has them in every layer.
        hdf5_form: True for HDF5 whatever `path` ends in.

    Raises:
        WeightsError: the file cannot be written, or `layers` or `diffs` do not go together with `net` or each other.

    Example:
        >>> import numpy as np
        >>> write("ip.caffemodel", {"ip": [np.ones((2, 3), np.float32)]})
        >>> read("ip.caffemodel")["ip"][0].shape
        (2, 3)
    """
    messages = _messages(path, layers, net)
    _check_diffs(path, layers, diffs or {})
    if hdf5_form or str(path).endswith(".h5"):
        named = [(message.name, layers.get(key, ())) for key, message in messages.items()]
        caffemodel_hdf5.write(path, named, diffs=diffs, shared=frozenset(shared))
        return
    size = sum(4 * math.prod(np.shape(a)) for side in (layers, diffs or {}) for arrays in side.values() for a in arrays)
    if size > _LARGEST:
        hint = "HDF5 has no such limit: a name that ends in .caffemodel.h5"
        raise WeightsError(
            "too large for a binary file", at=Place(str(path)), got=size, want=f"at most {_LARGEST}", hint=hint
        )
    with atomic.replacing(path, WeightsError) as file:
        sides = layers, diffs or {}
        parts = [(message, *(side.get(key, ()) for side in sides)) for key, message in messages.items()]
        caffemodel_binary.write(file, net.name if net else "", parts)


def _decode(path):
    return _decoded(weightsfile.load(path, WeightsError), path)


def _decoded(data, path):
    try:
        return caffemodel_binary.decode(data)
    except wire.WireError as cause:
        hint = weightsfile.what_is(data, weightsfile.WEIGHTS)
        if hint:
            raise WeightsError("not a Caffe weights file", at=Place(str(path)), hint=hint) from cause
        raise cause.to(WeightsError, path) from cause


def _messages(path, layers, net):
    """Returns {layer key: LayerParameter} in the net's order, or in that of `layers` without one."""
    if net is None:
        names = getattr(layers, "names", {})
        return {key: caffe_pb2.LayerParameter(name=names.get(key, key)) for key in layers}
    place = Place(str(path))
    if net.layers:
        raise WeightsError("the net is of an old generation", at=place, got=f"{len(net.layers)} `layers`")
    messages = dict(zip(layer_keys(layer.name for layer in net.layer), net.layer))
    for key in layers:
        if layers[key] and key not in messages:
            what = "weights and net do not go together: the net has no such layer"
            raise WeightsError(what, at=Place(str(path), layer=key), hint=did_you_mean(key, messages))
    return messages


def _check_diffs(path, layers, diffs):
    for name, arrays in diffs.items():
        got, want = [np.shape(a) for a in arrays], [np.shape(a) for a in layers.get(name, ())]
        if got != want:
            raise WeightsError("gradients unlike the weights", at=Place(str(path), layer=name), got=got, want=want)
