"""What fills the tops of layers without bottoms at each forward pass."""

import numpy as np
from absl import logging

from zoo.converters.fillers import check, fill
from zoo.errors import DataError, NetError
from zoo.input.pipeline import data_layer
from zoo.layers import lookup


class TopFeed:
    """What fills the tops of one layer."""

    def begin(self, blobs):
        """Fills, once, what stays from pass to pass; by default nothing."""

    def fill(self, blobs):
        """Fills what is new at each forward pass; by default nothing."""


def open_data(definition, seed):
    """Returns {layer index: data layer object} for the layers of a NetDef that read files.

    Raises:
        DataError: a source is missing or damaged.
    """
    opened = {}
    for index, layer in enumerate(definition.layers):
        if not layer.bottoms and not lookup(layer).states_shapes:
            data = data_layer(layer, definition.phase, seed=seed)
            if data is not None:
                opened[index] = data
    return opened


def source(layer, data, seed) -> TopFeed:
    """Returns the object that fills the tops of `layer` (a `BuiltLayer` that is a source).

    Args:
        data: what `open_data` has for it, or None.
        seed: an integer, for fillers.
    """
    if data is not None:
        return _Data(data)
    return {"DummyData": _Dummy, "MemoryData": MemoryArrays}.get(layer.definition.type, _Given)(layer, seed)


class _Given(TopFeed):
    """The user writes the blobs."""

    def __init__(self, layer, seed):
        pass


class _Data(TopFeed):
    """Batches of a data layer, one after the other."""

    def __init__(self, data):
        self._data, self._batches = data, None

    def fill(self, blobs):
        """Puts the next batch into the blobs."""
        with self._data.reading():
            if self._batches is None:
                self._batches = iter(self._data.dataset())
            for blob, tensor in zip(blobs, next(self._batches)):
                blob.put(tensor)


class _Dummy(TopFeed):
    """Fillers' values: constants once, so that what the user writes there stays; others at each pass."""

    def __init__(self, layer, seed):
        self._fillers, self._rng, self._begun = layer.type.fillers, np.random.default_rng(seed), False
        for filler, shape in zip(self._fillers, layer.tops):
            if filler is not None:
                check(filler, shape, layer.definition.at("dummy_data_param"))

    def begin(self, blobs):
        """Fills the constants."""
        for blob, filler in zip(blobs, self._fillers):
            if filler is not None and filler.type == "constant":
                blob.data[...] = filler.value

    def fill(self, blobs):
        """Fills the others."""
        for blob, filler in zip(blobs, self._fillers):
            if filler is not None and filler.type != "constant":
                blob.data[...] = fill(filler, blob.shape, self._rng)


class MemoryArrays(TopFeed):
    """Batches of two arrays of the user's, round and round (memory_data_layer.cpp:77-108)."""

    def __init__(self, layer, seed):
        self._layer, self._arrays, self._position = layer, None, 0
        if layer.definition.message.HasField("transform_param"):
            logging.warning('layer "%s": arrays given by set_input_arrays are not transformed', layer.definition.name)

    def set(self, data, labels):
        """Takes data (N,C,H,W) and labels (N,1,1,1) or (N,), float32 in one piece; later writes to them count.

        Raises:
            NetError: other types or shapes; N is no multiple of the batch size.
        """
        batch, *item = self._layer.tops[0]
        at = self._layer.definition.at()
        for name, array, want in (("data", data, item), ("labels", labels, [1, 1, 1])):
            if not isinstance(array, np.ndarray) or array.dtype != np.float32 or not array.flags.c_contiguous:
                got = f"{getattr(array, 'dtype', type(array).__name__)}"
                raise NetError(f"{name} must be a contiguous float32 array", at=at, got=got)
            if list(array.shape[1:]) != want and not (name == "labels" and array.ndim == 1):
                raise NetError(f"{name} does not fit", at=at, got=array.shape, want=f"(N, {', '.join(map(str, want))})")
        if len(data) != len(labels) or len(data) % batch or not len(data):
            got = f"{len(data)} and {len(labels)}"
            raise NetError(
                "data and labels must have the same number of items", at=at, got=got, want=f"a multiple of {batch}"
            )
        self._arrays, self._position = (data, labels.reshape(-1)), 0

    def fill(self, blobs):
        """Puts the next batch into the blobs; raises DataError before `set`."""
        if self._arrays is None:
            raise DataError("no arrays to read", at=self._layer.definition.at(), hint="call net.set_input_arrays first")
        batch = self._layer.tops[0][0]
        for blob, array in zip(blobs, self._arrays):
            blob.data[...] = array[self._position : self._position + batch]
        self._position = (self._position + batch) % len(self._arrays[0])
