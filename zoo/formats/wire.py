"""Protocol-buffer bytes, read field by field without a schema and without copying (the encoding guide of protobuf.dev).

For files whose bulk is numbers: a field is only found, never built, so that what is not wanted costs nothing. All
reads stay inside the bounds they were given; damage raises `WireError`, never anything else.
"""

from typing import NamedTuple

import numpy as np

from zoo.errors import Place

VARINT, FIXED64, LEN, START_GROUP, END_GROUP, FIXED32 = range(6)
_SIZE = {FIXED64: 8, FIXED32: 4}
_CHUNK = 1 << 20
MAX_FIELDS = 1 << 20  # in one message; damaged bytes can look like endless tiny fields


class WireError(Exception):
    """Bytes that are not the message they should be; the doors say it as a `ZooError` with the file's name.

    Args:
        what, got, want, hint: as in `ZooError`.
        layer: the layer in which it was found, once known.
    """

    def __init__(self, what, *, got=None, want=None, hint=None, layer=None):
        super().__init__(what)
        self.what, self.got, self.want, self.hint, self.layer = what, got, want, hint, layer

    def to(self, error, file):
        """Returns it as `error` (a ZooError class) about `file`."""
        layer = self.layer
        if layer and not layer.isprintable():  # damaged bytes as a name; a message stays one line
            layer = layer.encode("unicode_escape").decode()
        return error(self.what, at=Place(str(file), layer=layer), got=self.got, want=self.want, hint=self.hint)


class Field(NamedTuple):
    """One field, or an unbroken run of one fixed-width field.

    Attributes:
        number: its number in the schema.
        wire: its wire type.
        start, end: byte bounds of its content; of a run, from behind the first tag to behind the last value.
        value: the number itself for VARINT (64 bits, unsigned); for a fixed-width run the bytes from value to value.
    """

    number: int
    wire: int
    start: int
    end: int
    value: int = 0


def varint(data, at, end):
    """Returns (value, position behind it) of the varint at `at`; raises WireError where it runs past `end`."""
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            raise WireError("damaged: a number longer than 64 bits", got=f"byte {at}")
    raise WireError("cut short: a number has no end", got=f"byte {end}")


def signed(value):
    """Returns a 64-bit `value` as the signed number that int32 and int64 fields mean by it."""
    return value - (1 << 64) if value >> 63 else value


def scan(data, start=0, end=None):
    """Yields the `Field`s of the message in data[start:end], those inside groups left out.

    Args:
        data: bytes.

    Raises:
        WireError: a field that does not fit in its message, or bytes that are no field.
    """
    at, end = start, len(data) if end is None else end
    groups = []
    for _ in range(MAX_FIELDS):
        if at >= end:
            break
        tag_at = at
        tag, at = varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 1 << 29 or wire > FIXED32:
            raise WireError("damaged: bytes that are no field", got=f"tag {tag} at byte {tag_at}")
        value, stop = 0, at
        if wire == VARINT:
            value, stop = varint(data, at, end)
        elif wire == LEN:
            size, at = varint(data, at, end)
            stop = at + size
        elif wire == START_GROUP:
            groups.append(number)
        elif wire == END_GROUP:
            if not groups or groups.pop() != number:
                raise WireError("damaged: a group ends that never began", got=f"byte {tag_at}")
        else:
            stop = at + _SIZE[wire]
            value = stop - tag_at
            if stop <= end:
                stop = _run(data, tag_at, at, end, value)
        if stop > end:
            raise WireError("cut short or damaged", got=f"{end - at} bytes left at byte {at}", want=f"{stop - at}")
        if not groups and wire != END_GROUP:
            yield Field(number, wire, at, stop, value)
        at = stop
    else:
        raise WireError("damaged: more fields than any such message has", got=f"over {MAX_FIELDS}")
    if groups:
        raise WireError("cut short: a group has no end", got=f"byte {end}")


def _run(data, tag_at, at, end, stride):
    """Returns the end of the run of values whose tag is repeated every `stride` bytes from `tag_at`."""
    if at - tag_at > 1:
        return tag_at + stride
    count = (end - tag_at) // stride
    tags = np.frombuffer(data, np.uint8, count * stride, tag_at)[::stride]
    done = 0
    while done < count:  # in chunks, so that a lone value costs no look at the rest of a large file
        other = tags[done : done + _CHUNK] != tags[0]
        first = int(other.argmax())
        if other[first]:
            return tag_at + (done + first) * stride
        done += len(other)
    return tag_at + count * stride


def numbers(data, field, dtype):
    """Returns the fixed-width numbers of `field`, packed or one by one, as a view of `data` where that is possible.

    Args:
        data: bytes.
        field: a `Field` of wire type LEN, FIXED32 or FIXED64.
        dtype: NumPy type with its byte order.
    """
    item = np.dtype(dtype).itemsize
    if field.wire == LEN:
        if (field.end - field.start) % item:
            raise WireError("damaged: packed numbers", got=f"{field.end - field.start} bytes", want=f"whole {item}s")
        return np.frombuffer(data, dtype, (field.end - field.start) // item, field.start)
    gap = field.value - item  # the tag between two values
    count = (field.end - field.start + gap) // field.value
    pairs = np.dtype({"names": ["value"], "formats": [dtype], "offsets": [gap], "itemsize": field.value})
    return np.ascontiguousarray(np.frombuffer(data, pairs, count, field.start - gap)["value"])


def integers(data, field, limit):
    """Returns the signed varints of `field`, packed or single; raises WireError for more than `limit`."""
    if field.wire == VARINT:
        return [signed(field.value)]
    found, at = [], field.start
    while at < field.end:
        if len(found) == limit:
            raise WireError("damaged: too many numbers", got=f"over {limit}")
        value, at = varint(data, at, field.end)
        found.append(signed(value))
    return found


def text(data, field, what):
    """Returns the string of `field`; raises WireError where it is not UTF-8."""
    try:
        return data[field.start : field.end].decode("utf-8")
    except UnicodeDecodeError:
        raw = data[field.start : min(field.end, field.start + 40)]
        raise WireError(f"{what} is not UTF-8", got=repr(raw)) from None


def put_varint(value):
    """Returns the bytes of the varint of `value`, a number of at most 64 bits, negative ones as int64."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put_tag(number, wire):
    """Returns the bytes of a field's tag."""
    return put_varint(number << 3 | wire)
