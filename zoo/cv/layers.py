"""A net's layers as OpenCV numbers and names them, and its Layer class."""

import cv2
import numpy as np

from zoo.errors import NetError, did_you_mean
from zoo.layers import find
from zoo.pycaffe.errors import raised_as


class Layer:
    """One layer of a `Net`: its `name`, `type` and `blobs`.

    Assigning `blobs` gives the layer new parameters: arrays of as many values as each has, in Caffe's order. More blobs
    than the layer has are an error when it is run, as only then its shapes are known.
    """

    preferableTarget = 0

    def __init__(self, name, kind, key, parameters):
        self.name, self.type = name, kind
        self._key, self._parameters = key, parameters

    @property
    def blobs(self):
        """A tuple of float32 arrays; a blob of one axis is a column, InnerProduct's bias a row, as cv2 has them."""
        if self._key is None:
            return ()
        with self._parameters.lock:
            arrays = self._parameters.arrays(self._key)
        return tuple(as_matrix(self.type, index, array) for index, array in enumerate(arrays))

    @blobs.setter
    @raised_as(cv2.error)
    def blobs(self, arrays):
        if self._key is None:
            raise NetError("the layer of inputs has no parameters")
        with self._parameters.lock:
            self._parameters.replace(self._key, arrays)

    def outputNameToIndex(self, name):
        """Returns the number of the input called `name` where this is the net's layer of inputs, else -1."""
        return -1

    def __repr__(self):
        return f'<{self.type or "input"} layer "{self.name}">'


class InputLayer(Layer):
    """Layer 0, which holds the net's inputs."""

    def __init__(self, inputs):
        super().__init__("_input", "", None, None)
        self._inputs = [ref.name for ref in inputs]

    def outputNameToIndex(self, name):
        """Returns the number of the input called `name`, or -1."""
        return self._inputs.index(name) if name in self._inputs else -1


class Numbering:
    """The layers of a NetDef that compute, numbered from 1 in the order of the file.

    Attributes:
        layers: their `LayerDef`s.
        names: what OpenCV calls them: the second of a name is NAME_1.
        fed: the `LayerDef`s of inputs.
        inputs: the BlobRefs that are fed.
    """

    def __init__(self, definition):
        self.fed = [layer for layer in definition.layers if _feeds(layer)]
        self.inputs = [top for layer in self.fed for top in layer.tops]
        self.layers = [layer for layer in definition.layers if not _feeds(layer)]
        seen, self.names = {}, []
        for layer in self.layers:
            count = seen[layer.name] = seen.get(layer.name, -1) + 1
            self.names.append(f"{layer.name}_{count}" if count else layer.name)

    def index(self, asked):
        """Returns the place in `layers` of a layer by its name or its number from 1.

        Raises:
            NetError: there is none.
        """
        if isinstance(asked, str):
            if asked not in self.names:
                raise NetError(f'Requested layer "{asked}" not found', hint=self._hint(asked))
            return self.names.index(asked)
        try:
            number = int(asked)
        except (TypeError, ValueError):
            raise NetError("a layer is asked for by its name or its number", got=type(asked).__name__) from None
        if not 1 <= number <= len(self.layers):
            raise NetError(f"Layer with requested id={number} not found", want=f"0 to {len(self.layers)}")
        return number - 1

    def _hint(self, asked):
        giving = [name for name, layer in zip(self.names, self.layers) if asked in [top.name for top in layer.tops]]
        if giving:
            return f'a blob is asked for by the layer that gives it: "{giving[-1]}"'
        return did_you_mean(asked, self.names)

    def unread(self):
        """Returns the places in `layers` of those of which no layer reads anything."""
        read = {bottom for layer in self.layers for bottom in layer.bottoms}
        return [place for place, layer in enumerate(self.layers) if read.isdisjoint(layer.tops)]

    def behind(self, places):
        """Returns the LayerDefs, in order, whose values the layers at `places` need, these included."""
        giver = {top: place for place, layer in enumerate(self.layers) for top in layer.tops}
        found, todo = set(), list(places)
        while todo:
            place = todo.pop()
            if place not in found:
                found.add(place)
                todo += [giver[bottom] for bottom in self.layers[place].bottoms if bottom in giver]
        return [layer for place, layer in enumerate(self.layers) if place in found]


def _feeds(layer):
    kind = find(layer.kind)
    return kind is not None and kind.feeds(layer)


def as_matrix(kind, index, array):
    """Returns a parameter blob in the shape in which cv2 hands it to Python."""
    if array.ndim > 1:
        return array
    return array.reshape((1, -1) if kind == "InnerProduct" and index == 1 else (-1, 1)).astype(np.float32)
