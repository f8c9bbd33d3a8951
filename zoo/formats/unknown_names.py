"""What a text says that Caffe's schema does not know: every such name at once, and signs of another language."""

import functools
import re

from zoo.errors import MOST_TOGETHER, Place, PrototxtError
from zoo.formats import extra_fields
from zoo.formats.layer_names import KNOWN, about_field, about_type
from zoo.formats.source_lines import layer_place, tokens

_MERGE = re.compile(r"^(<{7}|={7}|>{7})(?=\s|$)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_]\w*")


def not_protobuf(text, file):
    """Raises PrototxtError where a text, which could not be parsed, has what other languages have, at its line."""
    if match := _MERGE.search(text):
        at = Place(file, text.count("\n", 0, match.start()) + 1)
        hint = "resolve it and remove the conflict markers"
        raise PrototxtError("an unresolved merge conflict", at=at, got=match[1], hint=hint)
    for kind, token, line in tokens(text):
        if kind == "word" and token.startswith(("//", "/*")):
            what = f"{token[:2]} does not start a comment"
            raise PrototxtError(what, at=Place(file, line), hint="write # before it")


def unknown_names(root, descriptor, file):
    """Returns a PrototxtError for each field name and layer type of a text that Caffe does not have, in file order.

    One name of one message is said once, with all its lines. Nothing is said after a name that is none, as text that
    was taken apart wrongly holds no names.

    Args:
        root: the `Node` of the message.
        descriptor: protobuf's descriptor of the message.
        file: the file's path, or None.
    """
    found = {}
    for node, what, about, place in _walk(root, descriptor, file, None, True):
        if node is None:
            break
        found.setdefault(what, (about, place, []))[2].append(node.line)
    errors = []
    for what, (about, place, lines) in sorted(found.items(), key=lambda item: item[1][1].line):
        more = [str(line) for line in lines[1:]]
        also = f"also on line{'s' if len(more) > 1 else ''} {', '.join(more)}" if more else None
        about = about() if len(errors) < MOST_TOGETHER else None  # beyond these nothing is printed
        errors.append(PrototxtError(what, at=place, hint="; ".join(filter(None, (about, also))) or None))
    return errors


def _walk(message, descriptor, file, layer, type_known):
    """Yields (node, what is wrong, what says more about it, its place); a node of None is the end."""
    if descriptor.name in ("LayerParameter", "V1LayerParameter", "V0LayerParameter"):
        layer = layer if descriptor.name == "V0LayerParameter" else message
        if wrong := _unknown_type(message, descriptor):
            node = message.first("type")
            yield node, *wrong, layer_place(message, file, node.line)
        type_known = not wrong
    for name, nodes in message.fields.items():
        field = extra_fields.field(descriptor, name)
        for node in nodes:
            place = layer_place(layer, file, node.line) if layer is not None else Place(file, node.line)
            if field is not None:
                if field.message_type and node.value is None:
                    yield from _walk(node, field.message_type, file, layer, type_known)
            elif name in ("", "[]"):
                continue  # a bracket without a name, or an extension: protobuf's to say
            elif not _NAME.fullmatch(name):
                yield None, None, None, place
                return
            else:
                about = functools.partial(_about, name, descriptor, message, type_known)
                yield node, f'{descriptor.name} has no field "{name}"', about, place


def _unknown_type(message, descriptor):
    """Returns (what is wrong, what says more about it) of the type of a layer, or None; of 2013's all are strings."""
    if descriptor.name == "LayerParameter":
        kind = message.text("type")
        return (
            None
            if kind is None or kind in KNOWN
            else (f'unknown layer type "{kind}"', functools.partial(about_type, kind))
        )
    node = message.first("type")
    if descriptor.name == "V0LayerParameter" or node is None or not _NAME.fullmatch(node.value or ""):
        return None
    known = descriptor.fields_by_name["type"].enum_type.values_by_name
    if node.value in known:
        return None
    return f"V1LayerParameter.LayerType has no value {node.value}", functools.partial(about_type, node.value, known)


def _about(name, descriptor, message, type_known):
    if name in ("layer", "layers"):
        return 'is a "}" missing before it?'
    if descriptor.name == "LayerParameter":
        own = f"{message.text('type')}Parameter"
        for field in descriptor.fields:
            if field.message_type and field.message_type.name == own and name in field.message_type.fields_by_name:
                return f"it belongs in {field.name} {{ ... }}"
    return about_field(name, descriptor.name, [field.name for field in descriptor.fields], type_known)
