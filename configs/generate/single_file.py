"""Prints one config: header, solver, and the net inside."""

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor

from zoo.formats import caffe_pb2
from zoo.formats.text_printer import to_text
from zoo.pycaffe.net_spec import assign_proto

WIDTH = 120


def text(header, solver, name, layers, comments=None):
    """Returns the text of a config.

    Args:
        header: the comment on top, without "# ".
        solver: {field: value} of SolverParameter, without the net, in the order to print; a value may be a pair
            (value, comment).
        name: of the net.
        layers: LayerParameter messages.
        comments: {name of a layer: comment above it}.
    """
    lines = [f"# {line}".rstrip() for line in header.strip().split("\n")] + [""]
    for field, value in solver.items():
        value, comment = value if isinstance(value, tuple) else (value, None)
        message = caffe_pb2.SolverParameter()
        assign_proto(message, field, value)
        lines += to_text(message).rstrip("\n").split("\n")
        if comment:
            lines[-1] += f"  # {comment}"
    lines += ["", "net_param {", f'  name: "{name}"']
    said = dict(comments or {})
    for layer in layers:
        if layer.name in said:
            lines += ["", f"  # {said.pop(layer.name)}"]
        lines += _message("layer", layer, "  ")
    return "\n".join([*lines, "}", ""])


def _message(name, message, indent):
    """Lines of a field that is a message: one if it fits, else its scalars on a line and each message below."""
    whole = f"{indent}{_one_line(name, message)}"
    if len(whole) <= WIDTH:
        return [whole]
    inner, lines, row = indent + "  ", [f"{indent}{name} {{"], ""
    for field, value in message.ListFields():
        for one in value if field.is_repeated else (value,):
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                lines += [inner + row] * bool(row) + _message(field.name, one, inner)
                row = ""
                continue
            said = _scalar(field, one)
            if row and len(inner) + len(row) + 1 + len(said) > WIDTH:
                lines.append(inner + row)
                row = ""
            row = f"{row} {said}".lstrip()
    return [*lines, *[inner + row] * bool(row), f"{indent}}}"]


def _one_line(name, message):
    found = []
    for field, value in message.ListFields():
        for one in value if field.is_repeated else (value,):
            nested = field.type == FieldDescriptor.TYPE_MESSAGE
            found.append(_one_line(field.name, one) if nested else _scalar(field, one))
    return " ".join([name, "{", *found, "}"])


def _scalar(field, value):
    """Text of one value, as `text_printer` prints it."""
    message = message_factory.GetMessageClass(field.containing_type)()
    assign_proto(message, field.name, value)
    return to_text(message).strip()
