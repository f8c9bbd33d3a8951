"""A planned net becomes Keras: variables for its blobs, one function a layer, a functional model over them."""

import functools
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from absl import logging

from zoo.converters import scopes
from zoo.converters.backward_needs import may_force
from zoo.converters.execution import steps
from zoo.converters.parameters import OF_EACH_REPLICA, Parameter, Parameters
from zoo.errors import ZooError, raise_together
from zoo.formats.layer_keys import UniqueNames
from zoo.keras_internals import history_of, operation_of
from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.geometry import keras_shape
from zoo.layers.base.layer_type import LayerType, Site
from zoo.layers.ops.random_uniform import ReplicaSlice
from zoo.netdef import memory
from zoo.netdef.aliasing import without_gradient
from zoo.netdef.forks import told
from zoo.netdef.netdef import BlobRef, LayerDef, NetDef, ParamKey
from zoo.netdef.open_sizes import Pattern
from zoo.netdef.shape_inference import infer_shapes, multipliers
from zoo.progress import waiting


@dataclass(frozen=True)
class BuiltLayer:
    """One layer, ready to run.

    Attributes:
        definition, type: the layer and its `LayerType`.
        bottoms, tops: Caffe shapes.
        parameters: its blobs in Caffe's order.
        call: from the bottoms' tensors to a tuple of the tops' tensors; None for a source.
        loss_weights: weight of each top in the objective, mostly 0.
    """

    definition: LayerDef
    type: LayerType
    bottoms: tuple[tuple[int, ...], ...]
    tops: tuple[tuple[int, ...], ...]
    parameters: tuple[Parameter, ...]
    call: Callable | None
    loss_weights: tuple[float, ...]

    @property
    def is_sink(self) -> bool:
        """Whether all that it does is outside of the net, as HDF5Output: nothing in a graph depends on it."""
        return self.type.runs_on_host and not self.definition.tops

    @property
    def blobs(self) -> tuple[BlobSpec, ...]:
        """The `BlobSpec` of each parameter."""
        return tuple(parameter.spec for parameter in self.parameters)


@dataclass
class Net:
    """A net built for one phase.

    Attributes:
        definition: the `NetDef`.
        layers: in order of execution.
        shapes: Caffe shape of every value.
        inputs: the values that are fed: tops of Input and data layers, in file order.
        losses: (value, weight) of each top that counts in the objective.
        sinks: its layers that only act outside of the net, which no Keras model holds.
        parameters: the collection that holds the blobs, shared with other nets of the same solver.
        clock: counts the batches trained on; None in a TEST net.
        state: what layers carry from batch to batch, by "layer/name".
        patterns: of a net built for open sizes, {value: Caffe shape with None where it is open}; else None.
        base: the net whose layers' functions these are; None where they are its own.
        kept: what is compiled of it, for those who run it; it goes when the net goes.
        sized: number of layers, from the first, that have the shapes that follow from what is fed; None for all. The
            others must not run: `sized_nets`.
    """

    definition: NetDef
    layers: tuple[BuiltLayer, ...]
    shapes: Mapping[BlobRef, tuple[int, ...]]
    parameters: Parameters
    clock: keras.Variable | None = None
    state: dict[str, keras.Variable] = field(default_factory=dict)
    patterns: Mapping[BlobRef, Pattern] | None = None
    base: "Net | None" = None
    kept: dict[Any, Any] = field(default_factory=dict, repr=False)
    sized: int | None = None
    inputs: tuple[BlobRef, ...] = field(init=False)
    losses: tuple[tuple[BlobRef, float], ...] = field(init=False)
    sinks: tuple[BuiltLayer, ...] = field(init=False)

    def __post_init__(self):
        self.inputs = tuple(top for layer in self.layers if layer.call is None for top in layer.definition.tops)
        weighted = ((*pair,) for layer in self.layers for pair in zip(layer.definition.tops, layer.loss_weights))
        self.sinks = tuple(layer for layer in self.layers if layer.is_sink)
        self.losses = tuple((top, weight) for top, weight in weighted if weight != 0)

    def run(self, feeds: Mapping[BlobRef, Any]) -> dict[BlobRef, Any]:
        """Runs every layer on `feeds` ({BlobRef: tensor}, channels-last where rank 4); returns all values."""
        values = dict(feeds)
        for _ in steps(self.layers, values):
            pass
        return values

    def outputs(self) -> tuple[BlobRef, ...]:
        """Returns the net's outputs in Caffe's order, then the weighted tops that some layer also reads."""
        outputs = self.definition.outputs
        return outputs + tuple(top for top, _ in self.losses if top not in outputs)

    def model(
        self, outputs: Sequence[BlobRef] | None = None, any_batch: bool = False, scoped: bool = False
    ) -> keras.Model:
        """Returns a functional `keras.Model` from a list of `inputs`, in order, to a list of `outputs`; no `sinks`.

        Args:
            outputs: BlobRefs; None means `self.outputs()`.
            any_batch: True leaves the batch size open; False keeps the file's.
            scoped: whether each layer's operations run in a TensorFlow name scope of its own, see `scopes`.
        """
        names, feeds = UniqueNames(mark="_"), {}
        for layer in self.layers:
            if layer.call is not None:
                names(keras_name(layer.definition.key))
        for ref in self.inputs:
            shape = keras_shape(self.shapes[ref])
            if any_batch and shape:
                shape = (None, *shape[1:])
            feeds[ref] = keras.Input(batch_shape=shape, name=names(keras_name(ref.name)))
        values = dict(feeds)
        known, numbers = {id(operation_of(x)) for x in feeds.values()}, {id(x): k for k, x in enumerate(self.layers)}
        for layer, tops in steps([layer for layer in self.layers if not layer.is_sink], values):
            if scoped and layer.call is not None:
                scopes.enter(tops, known, scopes.scope(numbers[id(layer)], keras_name(layer.definition.key)))
        refs = self.outputs() if outputs is None else outputs
        name = keras_name(self.definition.name or "net")
        outputs = [values[ref] for ref in refs]
        _rename_operations(outputs)
        return keras.Model(list(feeds.values()), outputs, name=name)

    def learnable(self) -> list[Parameter]:
        """Returns this net's parameters in Caffe's order of learnable blobs, shared ones once."""
        found = {}
        for layer in self.layers:
            for parameter in layer.parameters:
                found.setdefault(parameter.key, parameter)  # the owner's own stands before any view of it
        return list(found.values())

    def parameter_count(self) -> int:
        """Number of values in the parameter blobs of this net's layers, shared ones counted once."""
        return sum(p.spec.count for p in self.learnable())


@waiting("Building the net")
def build(
    definition: NetDef,
    data_shapes: Mapping[BlobRef, Sequence[tuple[int, ...]]] | None = None,
    parameters: Parameters | None = None,
    seed: int = 0,
    portable: bool = False,
    replica_slice: ReplicaSlice | None = None,
    held: int | None = None,
    patterns: Mapping[BlobRef, Pattern] | None = None,
) -> Net:
    """Builds a `NetDef` into a `Net`.

    Args:
        definition: the NetDef.
        data_shapes: {first top of a layer: Caffe shapes of its tops} for data layers whose shapes their data decides;
            two layers may have one name.
        parameters: the `Parameters` of another net to share (Caffe: ShareTrainedLayersWith); None makes new ones.
        seed: fixes fillers and random layers; with `parameters` given, theirs counts.
        portable: True to use only stock Keras layers and keras.ops, for export.
        replica_slice: the `ReplicaSlice` of a batch that the net gets where several devices split one.
        held: how many arrays each learned parameter has besides itself while the net runs at the given shapes; None
            where it may never run at these. Only what is refused for want of memory depends on it.
        patterns: `open_sizes.open_sizes`, whose open heights and widths the layers' functions then take; None builds
            for the given sizes.

    Raises:
        ZooError: one error that says all that the layers refuse, with file, line and layer.

    Example:
        >>> from zoo.netdef.config import open_config
        >>> definition = open_config("configs/lenet.prototxt").definition("TRAIN")
        >>> data, label = definition.layers[0].tops
        >>> net = build(definition, {data: ((64, 1, 28, 28), (64,))})
        >>> net.parameter_count()
        431080
    """
    for line in told(definition.meanings):
        _say(line)
    planned = infer_shapes(definition, data_shapes)
    for layer in planned:
        for name in layer.type.stray(layer.definition):
            _warn(f"{layer.definition.at(name)}: {name} is for other layer types and has no effect, as in Caffe")
    parameters = Parameters(seed) if parameters is None else parameters
    itemsize = 2 if "16" in keras.config.dtype_policy().compute_dtype else 4
    memory.check(planned, definition, held, parameters, itemsize, on_host=_runs_on_host())
    training = definition.phase == "TRAIN"
    clock = keras.Variable(0, dtype="int32", trainable=False, name="clock", **OF_EACH_REPLICA) if training else None
    portable = portable or keras.backend.backend() != "tensorflow"
    scales = multipliers(definition)
    names, state, built, errors = UniqueNames(mark="_"), {}, [], []
    lost = () if portable else without_gradient(definition.layers)
    for layer in planned:
        name = names(keras_name(layer.definition.key))
        try:
            owned = _parameters(layer, name, definition.owners, parameters, scales)
        except ZooError as error:
            errors.append(error)
            continue
        site = Site(
            name=name,
            phase=layer.definition.phase,
            bottoms=_open(layer.bottoms, layer.definition.bottoms, patterns),
            tops=_open(layer.tops, layer.definition.tops, patterns),
            variables=tuple(parameter.variable for parameter in owned),
            portable=portable,
            seed=zlib.crc32(f"{parameters.seed}/{layer.definition.key}".encode()),
            clock=clock,
            state=_state_maker(state, name),
            replica_slice=replica_slice,
        )
        down = _propagates(layer, definition.message.force_backward)
        up = [top not in lost for top in layer.definition.tops]
        call = None if layer.type.is_source else _call(layer.type.build(site), down, up)
        built.append(
            BuiltLayer(layer.definition, layer.type, layer.bottoms, layer.tops, owned, call, layer.loss_weights)
        )
    raise_together(errors)
    shapes = {ref: shape for layer in planned for ref, shape in zip(layer.definition.tops, layer.tops)}
    return Net(definition, tuple(built), shapes, parameters, clock, state, patterns)


def _open(shapes, refs, patterns) -> Any:
    """Returns the shapes of a `Site`, with None on the open axes 2 and 3; what a layer builds takes any batch."""
    if patterns is None:
        return shapes
    return tuple((*shape[:2], *patterns[ref][2:]) if len(shape) == 4 else shape for shape, ref in zip(shapes, refs))


@functools.cache
def _say(line):
    """Logs a line once in a process: a solver's nets are mostly of the same layers."""
    logging.info("%s", line)


@functools.cache
def _warn(line):
    """As `_say`, for what is likely a mistake."""
    logging.warning("%s", line)


def _runs_on_host():
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.get_visible_devices("GPU")


def _parameters(layer, scope, owners, parameters, scales):
    owned = []
    for index, spec in enumerate(layer.blobs):
        key = ParamKey(layer.definition.key, index)
        owner = owners.get(key, key)
        multipliers = spec.multipliers or scales.get(owner, (1.0, 1.0))
        owned.append(parameters.get_or_create(layer.definition, index, owner, spec, scope, *multipliers))
    return tuple(owned)


def _state_maker(state, scope):
    def make(name, shape):
        with keras.name_scope(scope):
            variable = keras.Variable(np.zeros(shape, np.float32), trainable=False, name=name, **OF_EACH_REPLICA)
        state[f"{scope}/{name}"] = variable
        return variable

    return make


def _propagates(layer, forced):
    """Returns which bottoms get a gradient, where the file says so; force_backward overrules its `false`."""
    down = layer.definition.message.propagate_down
    return [go or (forced and may_force(layer.type, index)) for index, go in enumerate(down)]


def _call(function, down, up):
    """Wraps a layer type's function: always a tuple of tops.

    No gradient comes from the tops that `up` denies, nor goes to the bottoms that `down`, if not empty, denies.
    """

    def call(*bottoms):
        tops = function(*_passing(bottoms, down))
        return tuple(_passing(tops if isinstance(tops, list | tuple) else [tops], up))

    return call


def _passing(values, flags):
    return [x if go else keras.ops.stop_gradient(x) for x, go in zip(values, flags)] if not all(flags) else values


def keras_name(name: str) -> str:
    """Returns `name` as TensorFlow allows it for a scope and PyTorch for a parameter.

    "/", which Keras keeps for scopes, is "__"; white space and what TensorFlow or PyTorch does not allow, such as ".",
    are "_"; a name that begins with anything but a letter or a digit has "layer" before it.
    """
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", "_".join(name.replace("/", "__").split()))
    return plain if re.match(r"[A-Za-z0-9]", plain) else f"layer{plain}"


def _rename_operations(outputs):
    """Gives keras.ops in the graph of `outputs`, which Keras counts as "add", "add_1", ..., names that no layer has."""
    operations, seen, tensors = {}, set(), list(outputs)
    while tensors:
        operation, node, inputs = history_of(tensors.pop())
        if (id(operation), node) not in seen:
            seen.add((id(operation), node))
            operations[id(operation)] = operation
            tensors.extend(inputs)
    layers = {op.name for op in operations.values() if isinstance(op, keras.layers.Layer)}
    for operation in operations.values():
        while operation.name in layers and not isinstance(operation, keras.layers.Layer):
            operation.name = f"{operation.name}.op"
