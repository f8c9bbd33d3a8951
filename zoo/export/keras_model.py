"""The Keras model that is exported: inputs and outputs named after blobs, operations after the layers they are of."""

import re
from dataclasses import dataclass, field

import keras

from zoo.converters.build import keras_name
from zoo.errors import UnsupportedError, raise_together
from zoo.formats.layer_keys import UniqueNames
from zoo.keras_internals import history_of, operation_of
from zoo.layers.base.geometry import keras_shape


@dataclass(frozen=True)
class Exported:
    """A functional model and what became of the net in it.

    Attributes:
        model: takes one tensor, or {Keras name: tensor} for several inputs; gives one tensor, or {blob: tensor}.
        inputs: {blob: name of the Keras input}.
        layers: {key of the Caffe layer: names of its operations in the model}; none where it computes nothing, as
            Dropout in TEST.
        foreign: {key of the Caffe layer: class} of those that stock Keras does not have.
    """

    model: keras.Model
    inputs: dict[str, str]
    layers: dict[str, tuple[str, ...]]
    foreign: dict[str, str] = field(default_factory=dict)

    def check_stock(self, conversion):
        """Raises UnsupportedError for the layers that plain Keras cannot load."""
        raise_together(
            UnsupportedError(
                f"{kind} is not a layer of Keras's own, so that no plain Keras could load the file",
                at=layer.definition.at(),
                hint="a SavedModel can hold it: --output=DIRECTORY/",
            )
            for layer in conversion.net.layers
            if (kind := self.foreign.get(layer.definition.key))
        )


def keras_model(conversion):
    """Returns the `Exported` of a `Conversion`.

    Raises:
        UnsupportedError: Keras cannot build the net with an open batch, though its shapes would allow it.
    """
    net, outputs = conversion.net, conversion.outputs
    computed = {keras_name(layer.definition.key) for layer in net.layers if layer.call is not None}
    names = UniqueNames(computed, mark="_")
    feeds = {}
    for ref in net.inputs:
        shape = keras_shape(net.shapes[ref])
        shape = shape if conversion.fixed or not shape else (None, *shape[1:])
        feeds[ref] = keras.Input(batch_shape=shape, name=names(keras_name(ref.name)))
    inputs = {ref.name: tensor.name for ref, tensor in feeds.items()}
    try:
        values = net.run(feeds)
    except (TypeError, ValueError, NotImplementedError) as cause:
        if conversion.fixed:
            raise
        what = str(cause).strip().splitlines()[0]
        raise UnsupportedError("Keras cannot leave the batch open here", got=what, hint="say --batch=N") from cause
    operations = _operations(net, values)
    _rename(net, operations, UniqueNames(inputs.values(), mark="_"))
    named = {blob: _named(values[ref], blob, operations, feeds.values()) for blob, ref in outputs.items()}
    model = keras.Model(_one_or(dict(zip(inputs.values(), feeds.values()))), _one_or(named), name=_model_name(net))
    foreign = {name: type(op).__name__ for name, ops in operations.items() for op in ops if not _is_stock(op)}
    return Exported(model, inputs, {name: tuple(op.name for op in ops) for name, ops in operations.items()}, foreign)


def _one_or(tensors):
    return next(iter(tensors.values())) if len(tensors) == 1 else tensors


def _model_name(net):
    return keras_name(net.definition.name or "net")


def _is_stock(operation):
    return type(operation).__module__.split(".")[0] == "keras"


def _operations(net, values):
    """Returns {layer key: its Keras operations in order of execution}; each belongs to the first that reaches it."""
    seen = {id(operation_of(values[ref])) for ref in net.inputs}
    found = {}
    for layer in net.layers:
        if layer.call is not None:
            ops = found.setdefault(layer.definition.key, [])
            for top in layer.definition.tops:
                _collect(values[top], seen, ops)
    return found


def _collect(tensor, seen, ops):
    """Adds to `ops` what `tensor` comes from and is not in `seen`, operations that feed others first."""
    todo = [(tensor, False)]
    while todo:
        tensor, fed = todo.pop()
        operation, _, inputs = history_of(tensor)
        if fed:
            ops.append(operation)
        elif id(operation) not in seen:
            seen.add(id(operation))
            todo.append((tensor, True))
            todo += [(one, False) for one in inputs]


def _rename(net, operations, names):
    """Calls what Keras has numbered itself after the Caffe layer: the last of a layer's as it, the others in detail.

    Two operations of one name are refused by Keras, which its own numbering alone does not prevent.
    """
    free = []
    for name, ops in operations.items():
        base = keras_name(name)
        for op in ops:
            if op.name == base or op.name.startswith(f"{base}__"):
                names.taken.add(op.name)
            else:
                free.append((base, op, op is ops[-1]))
    for base, op, last in free:
        detail = re.sub(r"_\d+$", "", op.name)
        op.name = names(base if last and base not in names.taken else f"{base}__{detail}")


def _named(tensor, blob, operations, feeds):
    """Returns the output `tensor`, of an operation that has the name of its blob where that name is free."""
    operation, name = operation_of(tensor), keras_name(blob)
    taken = {op.name for ops in operations.values() for op in ops} | {feed.name for feed in feeds}
    fed = any(tensor is feed for feed in feeds)
    if operation.name == name and not fed:
        return tensor
    if name in taken:
        return keras.layers.Identity(name=UniqueNames(taken, mark="_")(name))(tensor) if fed else tensor
    return keras.layers.Identity(name=name)(tensor)
