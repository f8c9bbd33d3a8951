"""Message to prototxt, character for character as Caffe's tools print it."""

import struct

from google.protobuf import text_encoding
from google.protobuf.descriptor import FieldDescriptor


def to_text(message):
    """Returns `message` as text: fields by number, two spaces a level, the shortest float that reads back the same."""
    lines = []
    _print(message, "", lines)
    return "".join(lines)


def _print(message, indent, lines):
    for field, value in message.ListFields():
        for one in value if field.is_repeated else (value,):
            if field.message_type:
                lines.append(f"{indent}{field.name} {{\n")
                _print(one, indent + "  ", lines)
                lines.append(f"{indent}}}\n")
            else:
                lines.append(f"{indent}{field.name}: {_scalar(field, one)}\n")


def _scalar(field, value):
    if field.enum_type:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else str(value)
    if field.type == FieldDescriptor.TYPE_STRING:
        return f'"{text_encoding.CEscape(value.encode(), False)}"'
    if field.type == FieldDescriptor.TYPE_BYTES:
        return f'"{text_encoding.CEscape(value, False)}"'
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "true" if value else "false"
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return _shortest(value, (6, 8, 9), "<f")
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return _shortest(value, (15, 17), "<d")
    return str(value)


def _shortest(value, digits, width):
    """C's %g with the least of `digits` that reads back as the same number of that width."""
    for count in digits[:-1]:
        text = f"{value:.{count}g}"
        try:
            if struct.pack(width, float(text)) == struct.pack(width, value):
                return text
        except OverflowError:  # rounded up past the largest
            continue
    return f"{value:.{digits[-1]}g}"
