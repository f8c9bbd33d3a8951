"""Inputs that know the format: messages of Caffe's schema with likely and unlikely values, and valid files damaged."""

import struct

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from zoo.formats import caffe_pb2

INTEGERS = [0, 1, 2, 3, 4, 5, 7, 16, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1]
NEGATIVE = [-1, -2, -128, -(2**31), -(2**63)]
FLOATS = [0.0, 1.0, 0.5, -1.0, 1e-8, 1e30, float("inf"), float("nan"), 0.9]
BLOBS = ["data", "label", "a", "b", "c", ""]
WORDS = [*BLOBS, "fixed", "step", "poly", "xavier", "SGD", "Adam", "é", "\x00", "/etc/passwd", "../x", "x" * 300, "[*?"]
PIECES = [
    *(struct.pack(form, n) for n in (0, 1, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1) for form in ("<I", ">I")),
    *(struct.pack(form, n) for n in (2**32, 2**40, 2**63 - 1, 2**64 - 1) for form in ("<Q", ">Q")),
    *(b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", b"\0", b"#", b": ", b"-1", b"nan", b"1e999", b"0x7fffffff", b"null"),
    *(
        b"9" * 30,
        b"9" * 5000,
        b"2147483648",
        b" " * 2000,
        b"[" * 3000,
        b"{" * 3000,
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"/../",
    ),
    *(
        b"\x80" * 10 + b"\x01",
        b"\xff" * 9 + b"\x01",
        b"\x1f\x8b\x08",
        b"PK\x03\x04",
        b"\x89HDF\r\n\x1a\n",
        b"a.x" * 999,
    ),
]
_SIGNED = (Field.TYPE_INT32, Field.TYPE_INT64)


def inputs(target):
    """Returns the strategy of a target's inputs, bytes."""
    seeds = st.sampled_from(target.seeds())
    made = [seeds.flatmap(damaged), seeds.flatmap(damaged), st.binary(max_size=200)]
    if target.message:
        descriptor = caffe_pb2.DESCRIPTOR.message_types_by_name[target.message]
        form = _text if target.text else lambda message: message.SerializePartialToString()
        whole = messages(descriptor).map(form)
        made += [whole, whole, whole.flatmap(damaged)]
    return st.one_of(made)


def _text(message):
    return text_format.MessageToString(message, as_utf8=True).encode("utf-8", "surrogateescape")


@st.composite
def damaged(draw, data):
    """Draws `data` with one to six mutations."""
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        end = min(len(data), at + draw(st.sampled_from([1, 1, 2, 4, 8, 16, 100, 512])))
        kind = draw(st.integers(0, 6))
        if kind == 0 and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == 1 and data:
            data[at] = draw(st.integers(0, 255))
        elif kind == 2:
            piece = draw(st.sampled_from(PIECES))
            data[at : at + len(piece)] = piece
        elif kind == 3:
            data[at:at] = draw(st.sampled_from(PIECES))
        elif kind == 4:
            del data[at:end]
        elif kind == 5:
            data[at:at] = data[at:end] * draw(st.sampled_from([1, 2, 50]))
        elif draw(st.integers(0, 3)) == 0:
            del data[at:]
    return bytes(data[: 1 << 16])


@st.composite
def messages(draw, descriptor, depth=4):
    """Draws a message with a few fields set, layers first."""
    message = GetMessageClass(descriptor)()
    for field in draw(st.lists(st.sampled_from(_fields(descriptor, depth)), max_size=6)):
        count = draw(st.integers(1, 3)) if field.is_repeated else 1
        for _ in range(count):
            _put(draw, message, field, depth)
    return message


def _fields(descriptor, depth):
    fields = [f for f in descriptor.fields if depth or f.type != Field.TYPE_MESSAGE]
    often = [
        f for f in fields if f.name in ("layer", "layers", "type", "bottom", "top", "name", "include", "net_param")
    ]
    return fields + often * 8


def _put(draw, message, field, depth):
    if field.type == Field.TYPE_MESSAGE:
        value = draw(messages(field.message_type, depth - 1))
        (getattr(message, field.name).add() if field.is_repeated else getattr(message, field.name)).MergeFrom(value)
        return
    value = draw(_scalar(message.DESCRIPTOR.name, field))
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


def _scalar(owner, field):
    if field.type == Field.TYPE_ENUM:
        return st.sampled_from([v.number for v in field.enum_type.values])
    if field.type == Field.TYPE_STRING:
        if (owner, field.name) == ("LayerParameter", "type"):
            return st.sampled_from(_types())
        return st.sampled_from(BLOBS if field.name in ("bottom", "top", "name") else WORDS)
    if field.type == Field.TYPE_BYTES:
        return st.binary(max_size=40)
    if field.type == Field.TYPE_BOOL:
        return st.booleans()
    if field.type in (Field.TYPE_FLOAT, Field.TYPE_DOUBLE):
        return st.sampled_from(FLOATS)
    bits = 63 if field.type in (Field.TYPE_INT64, Field.TYPE_UINT64) else 31
    most = 2 ** (bits + (field.type not in _SIGNED)) - 1
    values = [n for n in INTEGERS if n <= most]
    return st.sampled_from(values + ([n for n in NEGATIVE if n >= -(2**bits)] if field.type in _SIGNED else []))


def _types():
    return ["Convolution", "InnerProduct", "Pooling", "ReLU", "Data", "Split", "Softmax", "Eltwise", "Slice", "NoSuch"]
