"""A config as it is carried out, as text: upgraded, changed, whole, and for each value where it comes from."""

import pathlib
from dataclasses import replace

from zoo.formats import caffe_pb2, extra_fields
from zoo.formats.prototxt import Parsed, to_text
from zoo.formats.source_lines import Node
from zoo.layers import find
from zoo.netdef.changes import solver_nets
from zoo.netdef.forks import Meanings
from zoo.netdef.upgrade import upgrade_net, upgrade_solver

_COLUMN = 56  # where what is said of a value begins
_FORKS = 9001  # fields with this number and above are of forks
_ZERO = ("momentum", "weight_decay", "display")  # the schema has no default for them, and 0 is taken
_NOT_SHOWN = ("solver_type", "regularization_type")  # the old form of type; what only weight_decay brings in
_INLINE = {"net": "net_param", "train_net": "train_net_param", "test_net": "test_net_param"}


def whole(parsed: Parsed, data_dir=None) -> Parsed:
    """Returns a config in the current form, with the nets that it names in files of their own in it.

    Args:
        parsed: `Parsed` of a SolverParameter or NetParameter.
        data_dir: where nets are looked for first.

    Raises:
        ZooError: a net's file cannot be read, or is in a form that cannot be upgraded.
    """
    if isinstance(parsed.message, caffe_pb2.NetParameter):
        return upgrade_net(parsed)
    parsed = upgrade_solver(parsed)
    message = caffe_pb2.SolverParameter()
    message.CopyFrom(parsed.message)
    fields = {name: nodes for name, nodes in parsed.source.fields.items() if name.removesuffix("_param") not in _INLINE}
    for name in (*_INLINE, *_INLINE.values()):
        message.ClearField(name)
    for place in solver_nets(parsed, data_dir):
        name, net = _INLINE.get(place.field, place.field), upgrade_net(place.net)
        repeated = message.DESCRIPTOR.fields_by_name[name].is_repeated
        inside = getattr(message, name).add() if repeated else getattr(message, name)
        inside.CopyFrom(net.message)
        fields.setdefault(name, []).append(net.source.of(net.file))
    return replace(parsed, message=message, source=replace(parsed.source, fields=fields), files={})


def lines(parsed: Parsed) -> list[str]:
    """Returns the lines of what `whole` has given: prototxt that says the same, with comments.

    Behind each value is its file and line, or what has changed it, such as --set; what the file does not say is there
    with its default, as a comment.
    """
    text = _Text(parsed)
    text.message(parsed.message, parsed.source, "")
    files = ", ".join(dict.fromkeys([parsed.file or "a message", *text.files]))
    head = [
        f"# What is carried out: {files}.",
        "# Behind each value is the line or the flag that it comes from; a comment alone is a default.",
    ]
    return [*head, *text.lines]


class _Text:
    """The lines while they are made.

    Attributes:
        lines: as they are so far.
        files: the files that values come from.
    """

    def __init__(self, parsed):
        self._file, self.lines, self.files = parsed.file, [], {}

    def message(self, message, node, indent, kinds=None):
        """Adds a message's fields and their defaults; `kinds` are the types of its layers, if it is a net."""
        if isinstance(message, caffe_pb2.NetParameter):
            kinds = iter(_kinds(message))
        for field, value in message.ListFields():
            nodes = node.fields.get(field.name, [])
            for index, one in enumerate(value if field.is_repeated else (value,)):
                inner = nodes[index] if index < len(nodes) else None
                if not field.message_type:
                    self._add(f"{indent}{_of_field(message, field, index)}", self._origin(inner))
                    continue
                is_layer = field.name == "layer" and isinstance(one, caffe_pb2.LayerParameter)
                self._add(f"{indent}{field.name} {{", self._origin(inner) if is_layer else None)
                self.message(one, inner or Node(0), indent + "  ")
                if is_layer and kinds is not None:
                    self._layer_defaults(one, next(kinds), indent + "  ")
                self.lines.append(f"{indent}}}")
        self._defaults(message, indent)

    def _add(self, text, origin):
        self.lines.append(f"{text.ljust(_COLUMN)}  # {origin}" if origin else text)

    def _origin(self, node):
        if node is None or not (node.line or node.file):
            return "from an older form"
        file = node.file or self._file
        if file and not file.startswith("--"):
            self.files[file] = None
            return f"{pathlib.PurePath(file).name}:{node.line}"
        return file

    def _defaults(self, message, indent):
        if isinstance(message, caffe_pb2.LayerParameter):
            return
        found = [_default(message, field) for field in message.DESCRIPTOR.fields if _has_default(message, field)]
        if isinstance(message, caffe_pb2.SolverParameter):
            for text in found:
                self._add(f"# {text}", "default")
        elif found:
            self.lines.append(f"{indent}# default: {' '.join(found)}")

    def _layer_defaults(self, layer, kind, indent):
        if kind is None:
            return
        found = (
            [f"loss_weight: {kind.default_loss_weight:g}"] if kind.default_loss_weight and not layer.loss_weight else []
        )
        for name in kind.fields:
            field = extra_fields.field(layer.DESCRIPTOR, name)
            said = layer.HasExtension(field) if field.is_extension else layer.HasField(name)
            if not said:
                part = extra_fields.get(caffe_pb2.LayerParameter(), name)
                inside = [_default(part, field) for field in part.DESCRIPTOR.fields if _has_default(part, field)]
                found += [f"{name} {{ {' '.join(inside)} }}"] if inside else []
        if found:
            self.lines.append(f"{indent}# default: {' '.join(found)}")


def _kinds(net):
    """Returns the class of each layer of a net; None for a type that nobody knows."""
    meanings = Meanings(net)
    found = []
    for layer in net.layer:
        variant = meanings.variant(layer, None)
        found.append(find(f"{layer.type} ({variant})" if variant else layer.type))
    return found


def _has_default(message, field):
    if field.is_repeated or field.message_type or field.number >= _FORKS:
        return False
    solver = isinstance(message, caffe_pb2.SolverParameter)
    if solver and field.name in _NOT_SHOWN:
        return False
    return not message.HasField(field.name) and (field.has_default_value or solver and field.name in _ZERO)


def _default(message, field):
    one = type(message)()
    setattr(one, field.name, field.default_value)
    return to_text(one).strip()


def _of_field(message, field, index):
    one = type(message)()
    if field.is_repeated:
        getattr(one, field.name).append(getattr(message, field.name)[index])
    else:
        setattr(one, field.name, getattr(message, field.name))
    return to_text(one).strip()
