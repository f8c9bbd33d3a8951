"""Weights files: the one door to binary and HDF5 `.caffemodel`s."""

from zoo.errors import WeightsError
from zoo.formats import blobproto, caffemodel_binary, wire


class Weights(dict):
    """Layer name -> list of float32 arrays, in the file's order; a layer without parameters has an empty list.

    Attributes:
        net: the net's name in the file.
        legacy: set of (layer, index) whose shape the file gives in the four numbers of old files.
    """

    def __init__(self, layers=(), *, net="", legacy=()):
        super().__init__(layers)
        self.net, self.legacy = net, frozenset(legacy)

    def fits(self, layer, index, shape):
        """Whether a parameter of `shape` may take blob `index` of `layer`, by Caffe's rule (blob.cpp ShapeEquals)."""
        return blobproto.Blob(self[layer][index], (layer, index) in self.legacy).fits(shape)


def read(path):
    """Returns the `Weights` in the file at `path`.

    Raises:
        WeightsError: no such file, or one that is damaged or something else.
    """
    try:
        with open(path, "rb") as file:
            net, layers = caffemodel_binary.decode(file.read())
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read, got {error.strerror}") from error
    except wire.WireError as error:
        raise error.to(WeightsError, path) from error
    weights, legacy = {}, set()
    for layer in layers:
        weights[layer.name] = [blob.array for blob in layer.blobs]
        legacy.update((layer.name, index) for index, blob in enumerate(layer.blobs) if blob.legacy)
    return Weights(weights, net=net, legacy=legacy)
