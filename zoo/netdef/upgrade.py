"""Old nets and solvers become current ones, exactly as Caffe's upgrade tools make them (upgrade_proto.cpp).

Caffe drops what it cannot carry over, with a line in its log; here that is an error.
"""

import os
from dataclasses import replace

from zoo.errors import PrototxtError, SolverError
from zoo.formats import caffe_pb2
from zoo.formats.prototxt import Parsed
from zoo.formats.source_lines import Node
from zoo.netdef.upgrade_v0 import upgrade_v0
from zoo.netdef.upgrade_v1 import move_transform_fields, upgrade_v1

_SOLVER_TYPES = {
    "SGD": "SGD",
    "NESTEROV": "Nesterov",
    "ADAGRAD": "AdaGrad",
    "RMSPROP": "RMSProp",
    "ADADELTA": "AdaDelta",
    "ADAM": "Adam",
}


def net_needs_upgrade(net):
    """Returns whether a NetParameter (or `Parsed`) is in an old form."""
    message = net.message if isinstance(net, Parsed) else net
    return bool(message.layers) or bool(message.input) or any(_old_batch_norm(layer) for layer in message.layer)


def upgrade_net(net):
    """Returns the current form of a net, of the type given: `Parsed` (its lines kept) or NetParameter. Idempotent.

    In order: layers of 2013 (V0) and their padding layers, data layers' transform fields (old layers only: a current
    file's are left alone, as in Caffe), layers of 2014 (V1), `input` fields to an Input layer, BatchNorm's multipliers.

    Raises:
        PrototxtError: what Caffe refuses, or would drop.
    """
    parsed = net if isinstance(net, Parsed) else Parsed(net)
    if not net_needs_upgrade(parsed):
        return net
    message = caffe_pb2.NetParameter()
    message.CopyFrom(parsed.message)
    if message.layer and message.layers:
        node = parsed.source.first("layers")
        raise PrototxtError(
            'has both "layer" and "layers"',
            at=parsed.at("layers") if node else parsed.at(),
            hint='"layers" is the form of 2014; write every layer in one form',
        )
    source = parsed.source
    nodes = list(source.fields.get("layer", ()))
    if message.layers:
        nodes = list(source.fields.get("layers", ()))
        nodes += [Node(0)] * (len(message.layers) - len(nodes))
        if any(layer.HasField("layer") for layer in message.layers):
            message, nodes = upgrade_v0(message, nodes, parsed)
        nodes = move_transform_fields(message, nodes)
        message, nodes = upgrade_v1(message, nodes)
    if message.input:
        nodes = _upgrade_input(message, nodes, parsed)
    for layer in message.layer:
        if _old_batch_norm(layer):
            for param in layer.param:
                param.lr_mult = param.decay_mult = 0
    if not isinstance(net, Parsed):
        return message
    gone = ("layer", "layers") + (("input", "input_dim", "input_shape") if not message.input else ())
    fields = {name: kept for name, kept in source.fields.items() if name not in gone}
    return Parsed(message, net.file, Node(source.line, source.span, None, {**fields, "layer": nodes}))


def _old_batch_norm(layer):
    zero = all(p.lr_mult == 0 and p.HasField("decay_mult") and p.decay_mult == 0 for p in layer.param)
    return layer.type == "BatchNorm" and len(layer.param) == 3 and not zero


def _upgrade_input(message, nodes, parsed):
    """`input` with its dimensions becomes an Input layer in front; without any it goes (a .caffemodel's leftover)."""
    count = len(message.input)
    shapes = [list(shape.dim) for shape in message.input_shape]
    dims = [list(message.input_dim[i : i + 4]) for i in range(0, len(message.input_dim), 4)]
    for name, given, want in (("input_shape", len(shapes), count), ("input_dim", len(message.input_dim), 4 * count)):
        if given and given != want:
            raise PrototxtError(
                f"{count} input with a wrong number of {name}", at=parsed.at(name), got=given, want=want
            )
    if shapes and dims and shapes != dims:
        raise PrototxtError("input_shape and input_dim differ", at=parsed.at("input_dim"), got=dims, want=shapes)
    if shapes or dims:
        layer = caffe_pb2.LayerParameter(name="input", type="Input", top=message.input)
        for shape in shapes or dims:
            layer.input_param.shape.add(dim=shape)
        rest = list(message.layer)
        del message.layer[:]
        message.layer.extend([layer, *rest])
        nodes = [_input_node(parsed.source), *nodes]
    for name in ("input", "input_dim", "input_shape"):
        message.ClearField(name)
    return nodes


def _input_node(source):
    inputs = source.fields.get("input", [])
    shapes = source.fields.get("input_shape") or source.fields.get("input_dim", [])[::4]
    line = inputs[0].line if inputs else 0
    fields = {"top": inputs}
    if shapes:
        fields["input_param"] = [Node(shapes[0].line, (0, 0), None, {"shape": shapes})]
    return Node(line, (0, 0), None, fields)


def upgrade_solver(solver):
    """Returns the current form of a solver, of the type given, `Parsed` or SolverParameter: solver_type -> type.

    A net inside (net_param) stays as it is: it is upgraded when it is read as a net.

    Raises:
        SolverError: both solver_type and type are set.
    """
    parsed = solver if isinstance(solver, Parsed) else Parsed(solver)
    if not parsed.message.HasField("solver_type"):
        return solver
    if parsed.message.HasField("type"):
        raise SolverError(
            'has both "solver_type" and "type"',
            at=parsed.at("solver_type"),
            hint='"solver_type" is the form before 2015; keep "type"',
        )
    message = caffe_pb2.SolverParameter()
    message.CopyFrom(parsed.message)
    message.type = _SOLVER_TYPES[caffe_pb2.SolverParameter.SolverType.Name(message.solver_type)]
    message.ClearField("solver_type")
    if not isinstance(solver, Parsed):
        return message
    fields = dict(parsed.source.fields)
    if "solver_type" in fields:
        fields["type"] = fields.pop("solver_type")
    source = replace(parsed.source, fields=fields)
    return replace(solver, message=message, source=source)


def default_snapshot_prefix(solver, path):
    """Returns `solver` (`Parsed` or SolverParameter) with its snapshot_prefix set as Caffe's HEAD does.

    A prefix that is missing becomes the solver's `path` without its extension; one that is a directory gets the
    solver's name within it (upgrade_proto.cpp UpgradeSnapshotPrefixProperty).
    """
    old = solver.message if isinstance(solver, Parsed) else solver
    root = os.path.splitext(os.fspath(path))[0]
    if not old.HasField("snapshot_prefix"):
        prefix = root
    elif os.path.isdir(old.snapshot_prefix):
        prefix = os.path.join(old.snapshot_prefix, os.path.basename(root))
    else:
        return solver
    message = caffe_pb2.SolverParameter()
    message.CopyFrom(old)
    message.snapshot_prefix = prefix
    return replace(solver, message=message) if isinstance(solver, Parsed) else message
