"""Prototxt: text to message and back, every mistake said with file, line, layer and the nearest right word."""

import dataclasses
import os
import re
from dataclasses import dataclass

from google.protobuf import message as protobuf_message
from google.protobuf import text_format

from zoo.errors import Place, PrototxtError, did_you_mean
from zoo.formats import caffe_pb2
from zoo.formats.source_lines import Node, place_of, scan
from zoo.formats.text_files import read_text
from zoo.formats.text_printer import to_text

__all__ = [
    "Parsed",
    "merge",
    "parse",
    "parse_net",
    "parse_solver",
    "read",
    "read_net",
    "read_solver",
    "sniff",
    "sniff_file",
    "to_text",
]

KINDS = {"NetParameter": caffe_pb2.NetParameter, "SolverParameter": caffe_pb2.SolverParameter}
_NAMES = {"NetParameter": "net", "SolverParameter": "solver"}


@dataclass(frozen=True)
class Parsed:
    """A message and where its parts stand.

    Attributes:
        message: the NetParameter or SolverParameter; never modified.
        file: the file it came from, or None.
        source: the `Node` of the message; a net's layers are under "layer", in the message's order.
    """

    message: protobuf_message.Message
    file: str | None = None
    source: Node = Node(0)

    def at(self, path=None):
        """Returns the `Place` of the field at dotted `path` ("test_iter[1]", "layer[2].type"), or of the file."""
        node = self.source.find(path) if path else None
        return Place(self.file, node.line if node else None)

    def part(self, name, index=0):
        """Returns the `Parsed` of a message field, such as a solver's "net_param" or its second "test_net_param"."""
        value = getattr(self.message, name)
        if self.message.DESCRIPTOR.fields_by_name[name].is_repeated:
            value = value[index]
        nodes = self.source.fields.get(name, [])
        return Parsed(value, self.file, nodes[index] if index < len(nodes) else Node(0))


def read(path, kind):
    """Reads the file `path` as `kind`, "NetParameter" or "SolverParameter"; returns `Parsed`.

    Raises:
        PrototxtError: the file is missing, is no text, or says what the schema does not allow.
    """
    return parse(read_text(path), kind, os.fspath(path))


def read_net(path):
    """Reads a net's file; as `read`."""
    return read(path, "NetParameter")


def read_solver(path):
    """Reads a solver's file; as `read`."""
    return read(path, "SolverParameter")


def parse_net(text, file=None):
    """Parses a net's text; as `parse`."""
    return parse(text, "NetParameter", file)


def parse_solver(text, file=None):
    """Parses a solver's text; as `parse`."""
    return parse(text, "SolverParameter", file)


def parse(text, kind, file=None):
    """Parses `text` as `kind`, "NetParameter" or "SolverParameter"; returns `Parsed`.

    Raises:
        PrototxtError: at the first mistake, with its line and layer.
    """
    source = scan(text, file)
    message = KINDS[kind]()
    try:
        text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise _translate(error, text, source, file) from None
    if not source.fields:
        raise PrototxtError(f"no {_NAMES[kind]} in here: the text is empty", at=Place(file))
    missing = message.FindInitializationErrors()
    if missing:
        parent = missing[0].rpartition(".")[0]
        node = source.find(parent) if parent else None
        at = place_of(source, file, node.line, node.span[0]) if node else Place(file)
        raise PrototxtError(f"required field {missing[0].rpartition('.')[2]} is not set", at=at)
    return Parsed(message, file, source)


def sniff(text, file=None):
    """Returns which kind a text is, "NetParameter" or "SolverParameter", by the names of its outermost fields.

    Raises:
        PrototxtError: its structure is broken, or no name belongs to either.
    """
    names = scan(text, file).fields
    net, solver = ({field.name for field in KINDS[kind].DESCRIPTOR.fields} for kind in KINDS)
    for_net, for_solver = (sum(name in own for name in names) for own in (net - solver, solver - net))
    if for_net == for_solver:
        raise PrototxtError(
            "neither a net nor a solver",
            at=Place(file),
            got=", ".join(list(names)[:5]) or "no field",
            want="layer or net",
        )
    return "NetParameter" if for_net > for_solver else "SolverParameter"


def sniff_file(path):
    """Returns which kind the file `path` is; as `sniff`."""
    return sniff(read_text(path), os.fspath(path))


def merge(text, net_or_solver, file="--set"):
    """Returns a copy with the fields of `text` put in: a field given replaces, a repeated one whole, a message inside.

    Args:
        text: prototxt such as "base_lr: 0.02 max_iter: 500".
        net_or_solver: a message or `Parsed`; the copy is of the same type.
        file: what errors call the text.

    Raises:
        PrototxtError: as `parse`.
    """
    old = net_or_solver
    message = old.message if isinstance(old, Parsed) else old
    given = parse(text, message.DESCRIPTOR.name, file).message
    merged = type(message)()
    merged.CopyFrom(message)
    _replace(merged, given)
    if not isinstance(old, Parsed):
        return merged
    said = {field.name for field, _ in given.ListFields()}
    fields = {name: nodes for name, nodes in old.source.fields.items() if name not in said}
    return Parsed(merged, old.file, dataclasses.replace(old.source, fields=fields))


def _replace(message, given):
    for field, value in given.ListFields():
        if field.is_repeated:
            message.ClearField(field.name)
            getattr(message, field.name).extend(value)
        elif field.message_type:
            getattr(message, field.name).SetInParent()
            _replace(getattr(message, field.name), value)
        else:
            setattr(message, field.name, value)


def _translate(error, text, source, file):
    """Says protobuf's complaint in our form: its place, the layer, and the nearest word that is right."""
    line, at, said = error.GetLine(), Place(file), str(error)
    if line:
        before, here = text.split("\n")[: line - 1], text.split("\n")[line - 1]
        offset = sum(len(one) + 1 for one in before) + max(error.GetColumn() or 1, 1) - 1
        at = place_of(source, file, line, offset)
        said = said.split(" : ", 1)[-1].removeprefix(f"'{here}': ")
    said = said.removesuffix(".")
    if match := re.fullmatch(r'Message type "zoo\.([\w.]+)" has no field named "(.*)"', said):
        hint = did_you_mean(match[2], [field.name for field in _descriptor(match[1]).fields])
        if match[2] in ("layer", "layers"):
            hint = 'is a "}" missing before it?'
        return PrototxtError(f'{match[1]} has no field "{match[2]}"', at=at, hint=hint)
    if match := re.fullmatch(r'Enum type "zoo\.([\w.]+)" has no value (?:named|with number) (.*)', said, re.DOTALL):
        return _enum_error(match[1], match[2], at)
    if match := re.fullmatch(r'Message type "zoo\.([\w.]+)" should not have multiple "(.*)" fields', said):
        return PrototxtError(f'{match[1]} has the field "{match[2]}" twice, which may be given once', at=at)
    if match := re.fullmatch(r"Expected string but found: '(\w+)'", said):
        return PrototxtError("text without quotes", at=at, got=match[1], want=f'"{match[1]}"')
    if match := re.fullmatch(r"Couldn't parse (integer|float): (.*)", said):
        return PrototxtError("not a number of the field's kind", at=at, got=match[2], want=match[1])
    if match := re.fullmatch(r'Expected "(.)"', said):
        return PrototxtError(f'expected "{match[1]}" here', at=at)
    if match := re.fullmatch(r"Expected identifier or number, got (.*)", said, re.DOTALL):
        return PrototxtError(
            "expected a field's name here", at=at, got=repr(match[1].strip()) if match[1].strip() else None
        )
    return PrototxtError(said[:200].replace("zoo.", ""), at=at)


def _enum_error(enum, word, at):
    values = list(_descriptor(enum).values_by_name)
    if word[:1] in "\"'":
        hint = (
            'a type in quotes goes into "layer", not "layers"' if enum.endswith("LayerType") else "leave out the quotes"
        )
    else:
        hint = did_you_mean(word, values)
    want = "one of " + ", ".join(values) if len(values) <= 8 else None
    return PrototxtError(f"{enum} has no value {word}", at=at, want=want, hint=hint)


def _descriptor(name):
    """The descriptor of a message or enum by its name in the schema, such as "PoolingParameter.PoolMethod"."""
    outer, *inner = name.split(".")
    found = caffe_pb2.DESCRIPTOR.message_types_by_name.get(outer) or caffe_pb2.DESCRIPTOR.enum_types_by_name[outer]
    for part in inner:
        found = found.nested_types_by_name.get(part) or found.enum_types_by_name[part]
    return found
