"""The net for the tab GRAPHS: a node for each layer, in groups by the "/" in their names. No TensorFlow.

The graph that TensorFlow runs is one `while` loop with hundreds of operations; this is the net as its file has it.
"""

import math
import re

from tensorboard.compat.proto.attr_value_pb2 import AttrValue
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.node_def_pb2 import NodeDef
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.versions_pb2 import VersionDef

from zoo.formats.layer_keys import UniqueNames
from zoo.training.board.values import as_written


def graph(layers):
    """Returns the GraphDef of a net.

    Args:
        layers: its `BuiltLayer`s or `PlannedLayer`s, in order. A node's operation is the layer type; its attributes
            are bottoms and tops with Caffe's shapes, the fields of its parameters, its blobs and what it costs.
    """
    sources, nodes = {}, []
    for layer, name in zip(layers, node_names(layers)):
        definition = layer.definition
        inputs = [sources[bottom] for bottom in definition.bottoms]
        sources |= {top: f"{name}:{k}" if k else name for k, top in enumerate(definition.tops)}
        nodes.append(NodeDef(name=name, op=definition.type, input=inputs, attr=_attributes(layer)))
    return GraphDef(node=nodes, versions=VersionDef(producer=22))


def node_names(layers):
    """Returns the name of each layer's node."""
    unique = UniqueNames(mark="_")
    return [unique(node_name(layer.definition.key or layer.definition.type)) for layer in layers]


def node_name(key):
    """Returns a layer's name as TensorBoard takes it: ":" and "^" mean something in the name of a node."""
    parts = [re.sub(r"[^\w.()+#=,-]", "_", part) for part in key.split("/")]
    return "/".join(filter(None, parts)) or "layer"


def _attributes(layer):
    definition, message = layer.definition, layer.definition.message
    found = {"_output_shapes": AttrValue(list=AttrValue.ListValue(shape=list(map(_shape, layer.tops))))}
    for what, refs, shapes in (("bottom", definition.bottoms, layer.bottoms), ("top", definition.tops, layer.tops)):
        if refs:
            found[what] = _texts(f"{ref}: {_said(shape)}" for ref, shape in zip(refs, shapes))
    for descriptor, value in message.ListFields():
        if descriptor.name.endswith("_param"):
            found |= {name: _value(item) for name, item in _fields(value)}
    for index, param in enumerate(message.param):
        found |= {f"param[{index}].{name}": _value(item) for name, item in _fields(param)}
    if any(layer.loss_weights):
        found["loss_weight"] = _value(list(layer.loss_weights))
    if layer.blobs:
        found["blobs"] = _texts(f"{spec.variable}: {_said(spec.shape)}" for spec in layer.blobs)
        found["parameters"] = _value(sum(math.prod(spec.shape) for spec in layer.blobs))
    flops = int(layer.type.flops(layer.bottoms, layer.tops))
    if flops:
        found["multiply_adds"] = _value(flops)
    return found


def _fields(message, prefix=""):
    """Yields (dotted path, value or list of values) of the fields that `message` has."""
    for descriptor, value in message.ListFields():
        path = prefix + descriptor.name
        if descriptor.message_type is None:
            enum = descriptor.enum_type
            values = value if descriptor.is_repeated else [value]
            values = [enum.values_by_number[item].name if enum else as_written(item) for item in values]
            yield path, values if len(values) > 1 else values[0]
        elif descriptor.is_repeated:
            for index, item in enumerate(value):
                yield from _fields(item, f"{path}[{index}].")
        else:
            yield from _fields(value, f"{path}.")


def _value(value):
    if isinstance(value, list):
        return _texts(map(str, value))
    if isinstance(value, bool):
        return AttrValue(b=value)
    if isinstance(value, int):
        return AttrValue(i=value)
    if isinstance(value, float):
        return AttrValue(s=f"{value:g}".encode())  # TensorBoard would show the 32 bits of `f`
    return AttrValue(s=value if isinstance(value, bytes) else value.encode())


def _texts(values):
    return AttrValue(list=AttrValue.ListValue(s=[value.encode() for value in values]))


def _shape(shape):
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in shape])


def _said(shape):
    return " x ".join(map(str, shape)) or "one number"
