"""Parameter messages that the schema does not have, declared by whoever registers a layer type of his own.

A declared message is an extension of LayerParameter, so that it is copied, merged and printed like any other; in text
it is written as Caffe's own are, `gain_param { factor: 2 }`.
"""

import re
import zlib

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from zoo.formats import caffe_pb2
from zoo.formats.source_lines import walk

_FIRST, _NUMBERS = 10000, 2**28  # of the extensions that caffe.proto leaves open
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {bool: _Field.TYPE_BOOL, int: _Field.TYPE_INT32, float: _Field.TYPE_FLOAT, str: _Field.TYPE_STRING}
_declared = {}  # {name: (schema, the extension's descriptor)}


def declare(name, schema):
    """Makes `name` a message field of every layer.

    Args:
        name: as files write it, such as "gain_param".
        schema: {field: its default}: a bool, int, float or str; a tuple of words, of which the first is the default,
            for an enum; a list of one type, such as [int], for a repeated field; a dict for a message within.

    Raises:
        ValueError: the name does not end in _param, the schema of LayerParameter has a field of that name, or it was
            declared otherwise before.
        TypeError: a default is of none of these kinds.
    """
    if name in _declared:
        if _declared[name][0] != schema:
            raise ValueError(f"{name} was declared with other fields before")
        return
    if not name.endswith("_param"):
        raise ValueError(f"{name} does not end in _param, as the messages of layer types do")
    if name in caffe_pb2.LayerParameter.DESCRIPTOR.fields_by_name:
        raise ValueError(f"{name} is a field of Caffe's own schema")
    file = descriptor_pb2.FileDescriptorProto(
        name=f"zoo/extra/{name}.proto", package="zoo", dependency=[caffe_pb2.DESCRIPTOR.name], syntax="proto2"
    )
    kind = "".join(part.capitalize() for part in name.split("_")) + "eter"  # gain_param: GainParameter
    _describe(file.message_type.add(name=kind), f".zoo.{kind}", schema)
    number = _FIRST + zlib.crc32(name.encode()) % _NUMBERS
    file.extension.add(
        name=name,
        number=number,
        extendee=".zoo.LayerParameter",
        label=_Field.LABEL_OPTIONAL,
        type=_Field.TYPE_MESSAGE,
        type_name=f".zoo.{kind}",
    )
    pool = descriptor_pool.Default()
    pool.Add(file)
    message_factory.GetMessageClassesForFiles([file.name], pool)
    _declared[name] = schema, pool.FindExtensionByName(f"zoo.{name}")


def _describe(message, path, schema):
    for number, (name, default) in enumerate(schema.items(), start=1):
        field = message.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
        if isinstance(default, list):
            field.label = _Field.LABEL_REPEATED
            field.type = _scalar(name, *default)
        elif isinstance(default, dict):
            inner = "".join(part.capitalize() for part in name.split("_"))
            _describe(message.nested_type.add(name=inner), f"{path}.{inner}", default)
            field.type, field.type_name = _Field.TYPE_MESSAGE, f"{path}.{inner}"
        elif isinstance(default, tuple):
            inner = "".join(part.capitalize() for part in name.split("_"))
            values = message.enum_type.add(name=inner).value
            for index, word in enumerate(default):
                values.add(name=word, number=index)
            field.type, field.type_name = _Field.TYPE_ENUM, f"{path}.{inner}"
        else:
            field.type = _scalar(name, type(default))
            field.default_value = str(default).lower() if isinstance(default, bool) else str(default)


def _scalar(name, kind):
    if kind not in _SCALARS:
        raise TypeError(f"{name}: bool, int, float or str is wanted, or a tuple, list or dict of them; got {kind!r}")
    return _SCALARS[kind]


def field(message, name):
    """Returns the descriptor of a field of the message that `message` describes, declared ones included, or None."""
    if name in _declared and message.name == "LayerParameter":
        return _declared[name][1]
    return message.fields_by_name.get(name)


def get(layer, name):
    """Returns the message `name` of a LayerParameter, whether the schema has it or it was declared."""
    if name in _declared:
        return layer.Extensions[_declared[name][1]]
    return getattr(layer, name)


def qualified(text, source):
    """Returns `text` with declared names as protobuf's text format wants those of extensions: [zoo.gain_param].

    Args:
        text: a prototxt.
        source: its root `Node`.
    """
    places = []
    for layer in (node for name in ("layer", "layers") for node in walk(source.fields, name)):
        for name in _declared.keys() & layer.fields.keys():
            places += [(text.rfind(name, layer.span[0], node.span[0]), name) for node in layer.fields[name]]
    for start, name in sorted(places, reverse=True):
        text = f"{text[:start]}[zoo.{name}]{text[start + len(name) :]}"
    return text


def unqualified(text):
    """Returns what `qualified` has made `text` from."""
    return re.sub(r"\[zoo\.(\w+)\]", r"\1", text)
