"""The parameters of a `Net`: a file's arrays until a layer is built, its variables from then on."""

import threading

import numpy as np

from zoo.converters.parameters import Parameters
from zoo.converters.weights import match, targets
from zoo.errors import NetError, Place, WeightsError, raise_together
from zoo.netdef.netdef import ParamKey

_BEYOND = "more blobs were given than the layer has"


class FileParameters(Parameters):
    """Parameters that start as a weights file has them.

    Args:
        definition: the NetDef.
        weights: `caffemodel.Weights`.
        path: what errors call the file.

    Attributes:
        lock: held by whoever reads or changes them.
    """

    def __init__(self, definition, weights, path):
        super().__init__()
        self.lock = threading.RLock()
        self._weights, self._path = weights, path
        found = targets(weights, [(layer.name, True) for layer in definition.layers])
        self._places = {definition.layers[place].key: key for key, place in found.items()}
        self._owners = definition.owners
        self._given = {}  # {ParamKey: array} that the user gave
        self._whole = {}  # {key: number of blobs} of layers whose blobs were given all at once
        self._checked = {}  # {key: number of blobs} of layers that were found to have what they need

    def check(self, planned):
        """Checks that each of `planned` (`PlannedLayer`s) has what it needs.

        Raises:
            ZooError: one error with all layers whose parameters are missing or do not fit.
        """
        errors = []
        fed = [pair for layer in planned if not layer.bottoms for pair in zip(layer.definition.tops, layer.tops)]
        sizes = ", ".join(f'"{top.name}" is {shape}' for top, shape in fed)
        for layer in planned:
            key, wanted = layer.definition.key, layer.blobs
            beyond = sorted(owner.index for owner in self._given if owner.layer == key and owner.index >= len(wanted))
            if beyond:
                errors.append(WeightsError(_BEYOND, at=layer.definition.at(), got=beyond[-1] + 1, want=len(wanted)))
            if not wanted or beyond:
                continue
            if key in self._checked:
                errors += self._unlike(layer)
                continue
            own = {i for i in range(len(wanted)) if self._owner(key, i) == ParamKey(key, i)}
            known = len(wanted) if key in self._whole else 0
            absent = [i for i in range(known, len(wanted)) if self._owner(key, i) not in self._given]
            if key in self._places and absent:
                hint = f"the input {sizes}: is that what the net takes?"
                errors += match(layer.definition, wanted, self._weights, self._places[key], self._path, own, hint)[1]
            elif own.intersection(absent):
                hint = "give them: net.getLayer(name).blobs = [...]"
                what = "there are no weights for it" + (f" in {self._path}" if self._path else "")
                errors.append(WeightsError(what, at=layer.definition.at(), hint=hint))
            for index, spec in enumerate(wanted):
                given = self._given.get(self._owner(key, index))
                if given is not None and given.size != spec.count:
                    what = f"blob {index} that was given does not fit"
                    errors.append(WeightsError(what, at=layer.definition.at(), got=given.shape, want=spec.shape))
        raise_together(errors)
        self._checked.update((layer.definition.key, len(layer.blobs)) for layer in planned)

    def _unlike(self, layer):
        """Yields an error for each blob of a layer that another size of input asks for in another shape."""
        for index, spec in enumerate(layer.blobs):
            owner = self._owner(layer.definition.key, index)
            if owner in self and self[owner].spec.count != spec.count:
                what = "the input has a size for which the layer has no parameters"
                got, want = f"blob {index} of {spec.shape}", self[owner].spec.shape
                yield NetError(what, at=layer.definition.at(), got=got, want=want)

    def start(self, layer, index, spec):
        """The array that was given, or that of the file; `check` has seen that it fits."""
        array = self._given.get(ParamKey(layer.key, index))
        if array is None and index >= self._whole.get(layer.key, index + 1):
            return np.zeros(spec.shape, np.float32)
        return (self._in_file(layer.key)[index] if array is None else array).reshape(spec.shape)

    def arrays(self, key):
        """Returns a list of the float32 arrays of the layer `key`, in Caffe's order; empty where it has none yet."""
        found = {} if key in self._whole else dict(enumerate(self._in_file(key)))
        for owner, array in self._given.items():
            if owner.layer == key:
                found[owner.index] = array
        for parameter in self:
            if parameter.key.layer == key:
                found[parameter.key.index] = parameter.array()
        return [np.array(found[index], np.float32) for index in sorted(found)]

    def replace(self, key, arrays):
        """Gives the layer `key` other parameters; of blobs that it has beyond these, all values are 0, as without bias.

        Raises:
            NetError: they are not numbers, or not as many as the layer has.
            WeightsError: there are more than the layer has, and it has run, so that this is known.
        """
        self._fits(key, len(arrays))
        self._whole[key] = len(arrays)
        for owner in [owner for owner in self._given if owner.layer == key and owner.index >= len(arrays)]:
            del self._given[owner]
        for index, array in enumerate(arrays):
            self.set(key, index, array)
        for parameter in self:
            if parameter.key.layer == key and parameter.key.index >= len(arrays):
                parameter.assign(np.zeros(parameter.spec.shape, np.float32))

    def set(self, key, index, array):
        """Gives the layer `key` another blob number `index`; raises as `replace`."""
        self._fits(key, index + 1)
        try:
            array = np.array(array, np.float32)
        except (TypeError, ValueError):
            raise NetError(f'parameters of layer "{key}" are arrays of numbers', got=type(array).__name__) from None
        owner = self._owner(key, index)
        if owner in self:
            want = self[owner].spec
            if array.size != want.count:
                raise NetError(f'blob {index} of layer "{key}" does not fit', got=array.shape, want=want.shape)
            self[owner].assign(array.reshape(want.shape))
            return
        self._given[owner] = array
        self._checked.pop(key, None)

    def _fits(self, key, count):
        if count > self._checked.get(key, count):
            raise WeightsError(_BEYOND, at=Place(layer=key), got=count, want=self._checked[key])

    def _owner(self, key, index):
        return self._owners.get(ParamKey(key, index), ParamKey(key, index))

    def _in_file(self, key):
        return [array for array in self._weights.get(self._places.get(key), ()) if array is not None]
