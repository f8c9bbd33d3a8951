"""Prototxt: text to message and back, every mistake said with file, line, layer and the nearest right word."""

import dataclasses
import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pool, text_format

from zoo.errors import Place, PrototxtError, did_you_mean, raise_together
from zoo.formats import caffe_pb2, extra_fields
from zoo.formats.layer_names import about_field
from zoo.formats.source_lines import Node, place_of, scan
from zoo.formats.text_files import read_text
from zoo.formats.text_printer import to_text
from zoo.formats.unknown_names import not_protobuf, unknown_names

__all__ = [
    "Parsed",
    "merge",
    "merge_parsed",
    "parse",
    "parse_net",
    "parse_solver",
    "read",
    "read_either",
    "read_net",
    "read_solver",
    "sniff",
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
        files: of a solver, {field that names a net's file, such as "net" or "test_net[0]": `Parsed` of that net} where
            it is no longer as the file has it.
    """

    message: Any
    file: str | None = None
    source: Node = Node(0)
    files: Mapping[str, "Parsed"] = dataclasses.field(default_factory=dict)

    def at(self, path=None):
        """Returns the `Place` of the field at dotted `path` ("test_iter[1]", "layer[2].type"), or of the file."""
        node = self.source.find(path) if path else None
        return Place(node.file or self.file, node.line) if node else Place(self.file)

    def part(self, name, index=0):
        """Returns the `Parsed` of a message field, such as a solver's "net_param" or its second "test_net_param"."""
        value = getattr(self.message, name)
        if self.message.DESCRIPTOR.fields_by_name[name].is_repeated:
            value = value[index]
        nodes = self.source.fields.get(name, [])
        return Parsed(value, self.file, nodes[index] if index < len(nodes) else Node(0))


def read(path: str | os.PathLike[str], kind: str) -> Parsed:
    """Reads the file `path` as `kind`, "NetParameter" or "SolverParameter"; returns `Parsed`.

    Raises:
        PrototxtError: the file is missing, is no text, or says what the schema does not allow.
    """
    return parse(read_text(path), kind, os.fspath(path))


def read_either(path: str | os.PathLike[str]) -> Parsed:
    """Reads a net's or a solver's file, whichever it is by its outermost fields; as `read`."""
    text, file = read_text(path), os.fspath(path)
    return parse(text, sniff(text, file), file)


def read_net(path: str | os.PathLike[str]) -> Parsed:
    """Reads a net's file; as `read`."""
    return read(path, "NetParameter")


def read_solver(path: str | os.PathLike[str]) -> Parsed:
    """Reads a solver's file; as `read`."""
    return read(path, "SolverParameter")


def parse_net(text: str, file: str | None = None) -> Parsed:
    """Parses a net's text; as `parse`.

    Example:
        >>> net = parse_net('layer { name: "x" type: "Input" top: "x" }')
        >>> net.message.layer[0].type
        'Input'
        >>> parse_net('layer { nam: "x" }', "a.prototxt")
        Traceback (most recent call last):
            ...
        zoo.errors.PrototxtError: a.prototxt:1: LayerParameter has no field "nam" (did you mean "name"?)
    """
    return parse(text, "NetParameter", file)


def parse_solver(text: str, file: str | None = None) -> Parsed:
    """Parses a solver's text; as `parse`."""
    return parse(text, "SolverParameter", file)


def parse(text: str, kind: str, file: str | None = None) -> Parsed:
    """Parses `text` as `kind`, "NetParameter" or "SolverParameter"; returns `Parsed`.

    Raises:
        PrototxtError: all names of layer types and fields that Caffe does not know; else the first mistake; each with
            its line and layer.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:  # a flag whose bytes are not UTF-8
        raise PrototxtError("not UTF-8", at=Place(file, text.count("\n", 0, error.start) + 1)) from None
    message = KINDS[kind]()
    source = _scanned(text, file)
    parsed = extra_fields.qualified(text, source)
    try:
        text_format.Parse(parsed, message)
    except text_format.ParseError as error:
        not_protobuf(text, file)
        raise_together(unknown_names(source, message.DESCRIPTOR, file))
        raise _translate(error, text, parsed, source, message.DESCRIPTOR, file) from None
    if not source.fields:
        raise PrototxtError(f"no {_NAMES[kind]}: the text is empty", at=Place(file))
    missing = message.FindInitializationErrors()
    if missing:
        parent = missing[0].rpartition(".")[0]
        node = source.find(parent) if parent else None
        at = place_of(source, file, node.line, node.span[0]) if node else Place(file)
        raise PrototxtError(f"required field {missing[0].rpartition('.')[2]} is not set", at=at)
    return Parsed(message, file, source)


@functools.lru_cache(maxsize=1)
def _scanned(text, file):
    """Returns `scan(text, file)`, which what a text is and what it says both need; raises PrototxtError."""
    try:
        return scan(text, file)
    except PrototxtError:
        not_protobuf(text, file)
        raise


def sniff(text: str, file: str | None = None) -> str:
    """Returns which kind a text is, "NetParameter" or "SolverParameter", by the names of its outermost fields.

    Raises:
        PrototxtError: its structure is broken, or no name belongs to either.
    """
    names = _scanned(text, file).fields
    net, solver = ({field.name for field in KINDS[kind].DESCRIPTOR.fields} for kind in KINDS)
    for_net, for_solver = (sum(name in own for name in names) for own in (net - solver, solver - net))
    if for_net == for_solver:
        not_protobuf(text, file)
        raise PrototxtError(
            "neither a net nor a solver",
            at=Place(file),
            got=", ".join(list(names)[:5]) or "no field",
            want="layer or net",
        )
    return "NetParameter" if for_net > for_solver else "SolverParameter"


def merge(text, net_or_solver, file="--set"):
    """Returns a copy with the fields of `text` put in: a field given replaces, a repeated one whole, a message inside.

    Args:
        text: prototxt such as "base_lr: 0.02 max_iter: 500".
        net_or_solver: a message or `Parsed`; the copy is of the same type.
        file: what errors call the text.

    Raises:
        PrototxtError: as `parse`.
    """
    old = net_or_solver if isinstance(net_or_solver, Parsed) else Parsed(net_or_solver)
    given = parse(text, old.message.DESCRIPTOR.name, file)
    merged = merge_parsed(old, given)
    return merged if isinstance(net_or_solver, Parsed) else merged.message


def merge_parsed(old, given):
    """Returns `old` with what `given` has put in, as `merge`: `Parsed` of two messages of one type.

    The fields that are put in know the text that they come from: errors about them name it.
    """
    message = type(old.message)()
    message.CopyFrom(old.message)
    _replace(message, given.message)
    source = _merged(old.source, given.source, given.file, message.DESCRIPTOR)
    return dataclasses.replace(old, message=message, source=source)


def _replace(message, given):
    for field, value in given.ListFields():
        if field.is_repeated:
            message.ClearField(field.name)
            getattr(message, field.name).extend(value)
        elif field.message_type:
            inner = message.Extensions[field] if field.is_extension else getattr(message, field.name)
            inner.SetInParent()
            _replace(inner, value)
        else:
            setattr(message, field.name, value)


def _merged(old, given, file, descriptor):
    """Returns the `Node` of a message in which what stands at `given`, in the text `file`, is put in."""
    fields = dict(old.fields)
    for name, nodes in given.fields.items():
        field = extra_fields.field(descriptor, name)
        if field is not None and field.message_type and not field.is_repeated and name in fields:
            fields[name] = [_merged(fields[name][0], nodes[0], file, field.message_type)]
        else:
            fields[name] = [node.of(file) for node in nodes]
    return dataclasses.replace(old, fields=fields)


def _translate(error, text, parsed, source, descriptor, file):
    """Says protobuf's complaint in our form: its place, the layer, and the nearest word that is right."""
    line, at, said, field, offset = error.GetLine(), Place(file), str(error), None, 0
    if line:
        before, here = text.split("\n")[: line - 1], parsed.split("\n")[line - 1]
        column = len(extra_fields.unqualified(here[: max(error.GetColumn() or 1, 1) - 1]))
        offset = sum(len(one) + 1 for one in before) + column
        at, field = place_of(source, file, line, offset), _field_at(source, descriptor, offset)
        said = said.split(" : ", 1)[-1].removeprefix(f"'{here}': ")
    said = said.removesuffix(".")
    if match := re.fullmatch(r'Message type "zoo\.([\w.]+)" has no field named "(.*)"', said):
        if match[2][:1].isdigit() and (before := re.search(r"(\w+)\s*:\s*(\S+?)\s*,\s*$", text[:offset])):
            return _second_value(before[1], before[2], match[2], _descriptor(match[1]), at)
        hint = about_field(match[2], match[1], [known.name for known in _descriptor(match[1]).fields])
        return PrototxtError(f'{match[1]} has no field "{match[2]}"', at=at, hint=hint)
    if match := re.fullmatch(r'Enum type "zoo\.([\w.]+)" has no value (?:named|with number) (.*)', said, re.DOTALL):
        return _enum_error(match[1], match[2], at)
    if match := re.fullmatch(r'Message type "zoo\.([\w.]+)" should not have multiple "(.*)" fields', said):
        return PrototxtError(f'{match[1]} has the field "{match[2]}" twice, which may be given once', at=at)
    if match := re.fullmatch(r"Value out of range: (.*)", said):
        return PrototxtError(f"{_said(field)} does not take this value", at=at, got=match[1], want=_range(field))
    if match := re.fullmatch(r"Expected string but found: '(\w+)'", said):
        return PrototxtError("unquoted text", at=at, got=match[1], want=f'"{match[1]}"')
    if match := re.fullmatch(r"Couldn't parse (integer|float): (.*)", said):
        return PrototxtError(f"{_said(field)} does not take this value", at=at, got=match[2], want=match[1])
    if match := re.fullmatch(r'Expected "(.)"', said):
        return PrototxtError(f'expected "{match[1]}" here', at=at)
    if match := re.fullmatch(r"Expected identifier or number, got (.*)", said, re.DOTALL):
        return PrototxtError(
            "expected a field's name here", at=at, got=repr(match[1].strip()) if match[1].strip() else None
        )
    return PrototxtError(said[:200].replace("zoo.", ""), at=at)


def _second_value(name, value, second, descriptor, at):
    """The error for a second value behind a comma."""
    got, field = f"{value},{second}", descriptor.fields_by_name.get(name)
    if field is not None and field.is_repeated:
        return PrototxtError(f"{name} is given a list", at=at, got=got, want=f"[{value}, {second}]")
    hint = "zoo.train --gpu=0,1 takes several GPUs" if name == "device_id" else None
    return PrototxtError(f"{name} takes one value", at=at, got=got, hint=hint)


def _field_at(node, descriptor, offset):
    """Returns the descriptor of the scalar field whose value is at a character of the text, or None."""
    for name, nodes in node.fields.items():
        field = extra_fields.field(descriptor, name)
        for inner in nodes:
            if field is not None and inner.span[0] <= offset < inner.span[1]:
                is_message = inner.value is None and field.message_type
                return _field_at(inner, field.message_type, offset) if is_message else field
    return None


def _said(field):
    return f"field {field.name}" if field is not None else "a field"


def _range(field):
    if field is None:
        return None
    low, high = {
        field.CPPTYPE_UINT32: (0, 2**32 - 1),
        field.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
        field.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    }.get(field.cpp_type, (None, None))
    return None if high is None else f"{low} to {high}"


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


def _descriptor(name) -> Any:
    """The descriptor of a message or enum by its name in the schema, such as "PoolingParameter.PoolMethod"."""
    pool = descriptor_pool.Default()
    try:
        return pool.FindMessageTypeByName(f"zoo.{name}")
    except KeyError:
        return pool.FindEnumTypeByName(f"zoo.{name}")
