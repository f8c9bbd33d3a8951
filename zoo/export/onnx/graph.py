"""The graph of a net while it is written: its nodes, the arrays that it holds, and names that are unique in it."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from zoo.formats.layer_keys import UniqueNames

ANY_BATCH = "N"


class Graph:
    """Nodes in order, and initialisers, each array once.

    Args:
        taken: names of values that nothing else may have: those of the inputs and outputs.

    Attributes:
        nodes: list of NodeProto.
        arrays: {name: array} of the initialisers, in the order of their first use.
    """

    def __init__(self, taken: Iterable[str] = ()):
        self.nodes: list[onnx.NodeProto] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.unique = UniqueNames(taken, mark="_")
        self._node_names = UniqueNames(mark="_")
        self._by_content: dict[tuple, str] = {}

    def constant(self, array: np.ndarray, name: str) -> str:
        """Returns the name of an initialiser with these values; one that is there with the same is used again."""
        array = np.ascontiguousarray(array) if np.ndim(array) else np.asarray(array)
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._by_content:
            self._by_content[key] = self.initializer(array, name)
        return self._by_content[key]

    def initializer(self, array: np.ndarray, name: str) -> str:
        """Adds an array under `name`, or what makes it unique; returns that."""
        name = self.unique(name)
        self.arrays[name] = array
        return name

    def node(self, kind: str, inputs: Sequence[str], outputs: Sequence[str], name: str, **attributes: Any) -> None:
        """Adds a node; an attribute that is None is left out."""
        given = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(helper.make_node(kind, list(inputs), list(outputs), name=self._node_names(name), **given))

    def form(self, first: int, blobs: Iterable[str]) -> list:
        """Returns what the nodes from `first` on are, with the values of their constants that are no `blobs`."""
        blobs = set(blobs)
        found: list = []
        for node in self.nodes[first:]:
            found.append(node.SerializeToString())
            found += [self.arrays[name].tobytes() for name in node.input if name in self.arrays and name not in blobs]
        return found


def tensor_header(name: str, array: np.ndarray) -> onnx.TensorProto:
    """Returns the TensorProto of an array, without its values."""
    return onnx.TensorProto(name=name, dims=array.shape, data_type=helper.np_dtype_to_tensor_dtype(array.dtype))
