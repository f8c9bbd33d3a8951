"""Running a net over more items than one batch holds, as pycaffe does it."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from zoo.errors import NetError
from zoo.pycaffe.blob import Blob


class ForwardAll:
    """forward_all and forward_backward_all, over `forward`, `backward`, `blobs`, `inputs` and `outputs` of a net."""

    blobs: Mapping[str, Blob]
    inputs: Sequence[str]
    outputs: Sequence[str]

    def forward(self, blobs=None, start=None, end=None, **inputs) -> dict[str, Any]:
        """Runs one batch forward; the net's."""
        raise NotImplementedError

    def backward(self, diffs=None, start=None, end=None, **tops) -> dict[str, Any]:
        """Runs one batch backward; the net's."""
        raise NotImplementedError

    def forward_all(self, blobs=None, **inputs):
        """Runs the net over arrays of any number of items, batch by batch; the last batch is filled up with zeros.

        Returns:
            {blob name: array of all items' values} for the outputs and the named `blobs`.
        """
        self._check_all(inputs, self.inputs)
        found = {name: [] for name in [*self.outputs, *(blobs or [])]}
        for batch in self._batch(inputs):
            for name, array in self.forward(blobs=blobs, **batch).items():
                found[name].extend(array.copy())
        return _trimmed(found, inputs)

    def forward_backward_all(self, blobs=None, diffs=None, **arrays):
        """Runs the net forward and backward over arrays of any number of items.

        Args:
            blobs, diffs: names to return besides the outputs' data and the inputs' gradients.
            arrays: data of the inputs and gradients of the outputs, by name.

        Returns:
            ({blob name: data}, {blob name: diff}) of all items.
        """
        self._check_all(arrays, [*self.inputs, *self.outputs], some=True)
        outs = {name: [] for name in [*self.outputs, *(blobs or [])]}
        grads = {name: [] for name in [*self.inputs, *(diffs or [])]}
        forward = self._batch({name: arrays[name] for name in self.inputs if name in arrays})
        backward = self._batch({name: arrays[name] for name in self.outputs if name in arrays})
        for given, from_above in zip_longest(forward, backward, fillvalue={}):
            for name, array in self.forward(blobs=blobs, **given).items():
                outs[name].extend(array.copy())
            for name, array in self.backward(diffs=diffs, **from_above).items():
                grads[name].extend(array.copy())
        return _trimmed(outs, arrays), _trimmed(grads, arrays)

    def _check_all(self, arrays, names, some=False):
        lengths = {len(array) for array in arrays.values()}
        if not arrays or (set(arrays) - set(names) if some else set(arrays) != set(names)):
            raise NetError("arrays given are not the net's", got=", ".join(sorted(arrays)), want=", ".join(names))
        if len(lengths) != 1 or 0 in lengths:
            raise NetError("arrays must have the same number of items, at least one", got=sorted(lengths))

    def _batch(self, arrays):
        """Yields {name: items} of one batch after the other."""
        if not arrays:
            return
        count, size = len(next(iter(arrays.values()))), next(iter(self.blobs.values())).shape[0]
        for first in range(0, count, size):
            batch = {name: np.asarray(array[first : first + size]) for name, array in arrays.items()}
            lacking = size - len(next(iter(batch.values())))
            if lacking:
                batch = {n: np.concatenate([a, np.zeros((lacking, *a.shape[1:]), a.dtype)]) for n, a in batch.items()}
            yield batch


def _trimmed(found, arrays):
    """Returns {name: array} without what came of the filling."""
    count = len(next(iter(arrays.values())))
    return {name: np.asarray(items)[:count] for name, items in found.items()}
