"""What a layer's writer is given: the layer, the names of its values, and the means to add nodes for it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from zoo.errors import UnsupportedError
from zoo.export.onnx.graph import Graph
from zoo.netdef.shape_inference import PlannedLayer


class Site:
    """One layer being written.

    A writer adds nodes by `op` and returns the names of the values that are the layer's tops, in order; a single name
    for one top. It may return the name of any value: an input, a constant, or what `op` gave.

    Shapes are Caffe's, with the batch that the net states. Where `any_batch`, axis 0 of every value is the batch and
    may be another at run time, so that no node may depend on it: `reshape` takes care of that.

    Attributes:
        definition: the `LayerDef`.
        kind: its `LayerType`, with the fields that it has read.
        inputs: names of the bottoms' values.
        bottoms, tops: Caffe shapes.
        any_batch: whether axis 0 is open.
        any_size: whether height and width of (N,C,H,W) values are open too.
    """

    def __init__(
        self,
        graph: Graph,
        plan: PlannedLayer,
        inputs: Sequence[str],
        parameters: Sequence[Any],
        blob_names: dict[Any, str],
        any_batch: bool = False,
        any_size: bool = False,
    ):
        self.definition, self.kind = plan.definition, plan.type
        self.bottoms, self.tops = plan.bottoms, plan.tops
        self.inputs, self.any_batch, self.any_size = tuple(inputs), any_batch, any_size
        self._graph, self._parameters, self._blob_names = graph, parameters, blob_names
        self._nodes: list[tuple[str, list[str], list[str], dict[str, Any]]] = []
        self._label = plan.definition.key or plan.definition.type

    @property
    def phase(self) -> str:
        """ "TEST" or "TRAIN", the layer's."""
        return self.definition.phase

    def refuse(self, why: str, field: str | None = None, **kwargs: Any) -> UnsupportedError:
        """Returns the error that the layer has no exact ONNX form; `why` is a clause."""
        return UnsupportedError(f"has no exact ONNX form: {why}", at=self.definition.at(field), **kwargs)

    def needs_sizes(self) -> None:
        """Raises UnsupportedError where height and width are open, of which the form of this layer is made."""
        if self.any_size:
            hint = "leave height and width as the net states them"
            raise self.refuse("it follows from height and width, which are open", hint=hint)

    # Values

    def array(self, index: int) -> np.ndarray:
        """Returns parameter blob `index`, float32 in Caffe's shape."""
        return self._parameters[index].array()

    @property
    def blob_count(self) -> int:
        """How many parameter blobs the layer has."""
        return len(self._parameters)

    def blob(self, index: int, shape: Sequence[int] | None = None) -> str:
        """Returns the name of the initialiser that holds parameter blob `index`, stored once where Caffe shares it.

        Args:
            index: of the blob.
            shape: in which it is stored; Caffe's where not given.
        """
        parameter = self._parameters[index]
        shape = tuple(parameter.spec.shape if shape is None else shape)
        key = parameter.key, shape
        if key not in self._blob_names:
            owner = parameter.key.layer or self._label
            name = f"{owner}.{parameter.spec.variable}"
            self._blob_names[key] = self._graph.initializer(parameter.array().reshape(shape), name)
        return self._blob_names[key]

    def constant(self, value: Any, name: str = "constant", dtype: Any = np.float32) -> str:
        """Returns the name of an initialiser with that value (float32 unless said); equal ones are stored once."""
        return self._graph.constant(np.asarray(value, dtype), f"{self._label}.{name}")

    def ints(self, *values: int) -> str:
        """Returns the name of a constant vector of int64, as axes and shapes are given."""
        return self.constant(np.array(values, np.int64), "ints", np.int64)

    # Nodes

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Adds a node; returns the name of its output, a tuple of names for several `outputs`.

        Args:
            kind: the ONNX operator.
            inputs: names of values; "" for an optional one that is left out.
            attributes: the operator's; None leaves one out.
        """
        names = [self._graph.unique(f"{self._label}/{kind}") for _ in range(outputs)]
        trimmed = list(inputs)
        while trimmed and trimmed[-1] == "":
            trimmed.pop()
        self._nodes.append((kind, trimmed, names, attributes))
        return names[0] if outputs == 1 else tuple(names)

    def loop(
        self, body: Callable[..., Sequence[str]], state: Sequence[str], kinds: Sequence[int], most: int
    ) -> tuple[str, ...]:
        """Adds a Loop; returns the names of the last state.

        Args:
            body: ``body(number of the round, *state) -> (whether to go on, *new state)``, names each, all of them of
                values that it made by `op`.
            state: the first state.
            kinds: the TensorProto.DataType of each of the state.
            most: the rounds at most.
        """
        outer, self._nodes = self._nodes, []
        number, going = (self._graph.unique(f"{self._label}/{what}") for what in ("number", "going"))
        before = [self._graph.unique(f"{self._label}/state") for _ in state]
        goes_on, *after = body(number, *before)
        made = [self._proto(*node) for node in self._nodes]
        self._nodes = outer
        types = (TensorProto.BOOL, *kinds)
        given = [_scalar(number, TensorProto.INT64), _scalar(going, TensorProto.BOOL)]
        given += [_any_shape(*pair) for pair in zip(before, kinds)]
        graph = helper.make_graph(made, "body", given, [_any_shape(*pair) for pair in zip((goes_on, *after), types)])
        trips = self.constant(most, "rounds", np.int64)
        done = self.op("Loop", trips, "", *state, outputs=len(state), body=graph)
        return done if len(state) > 1 else (done,)

    @staticmethod
    def _proto(kind, inputs, outputs, attributes):
        return helper.make_node(kind, inputs, outputs, name=outputs[0], **attributes)

    def zeros(self, *shape: int) -> str:
        """Returns float32 zeros; the value is given all the same, as OpenCV's importer wants it."""
        return self.op(
            "ConstantOfShape", self.ints(*shape), value=helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])
        )

    def reshape(self, value: str, shape: Sequence[int]) -> str:
        """Returns `value` in Caffe's `shape`, whose axis 0 is the batch where `any_batch`."""
        sizes = [-1, *shape[1:]] if self.any_batch and shape else list(shape)
        if self.any_batch and 0 in sizes:
            sizes = list(shape)
        return self.op("Reshape", value, self.ints(*sizes), allowzero=1 if 0 in sizes else None)

    # The end

    def finish(self, given: str | tuple[str, ...], tops: Sequence[str]) -> None:
        """Adds the nodes to the graph, with the values `given` under the names `tops`."""
        values = (given,) if isinstance(given, str) else tuple(given)
        if len(values) < len(tops):
            raise ValueError(f"{self._label}: {len(values)} values for {len(tops)} tops")
        made = {name for _, _, outputs, _ in self._nodes for name in outputs}
        renamed: dict[str, str] = {}
        for value, top in zip(values, tops):
            if value in made and value not in renamed:
                renamed[value] = top
            else:
                self._nodes.append(("Identity", [value], [top], {}))
        last = next((i for i, node in enumerate(self._nodes) if tops and tops[0] in self._after(node[2], renamed)), -1)
        for index, (kind, inputs, outputs, attributes) in enumerate(self._nodes):
            name = self._label if index == last else f"{self._label}/{kind}"
            self._graph.node(kind, self._after(inputs, renamed), self._after(outputs, renamed), name, **attributes)

    def _after(self, names, renamed):
        return [renamed.get(name, name) for name in names]


def _scalar(name: str, kind: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, [])


def _any_shape(name: str, kind: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, None)
