"""What each field of a card of `zoo.formats.records` may be; a card is a file, and may say anything."""

from collections.abc import Mapping

ENCODINGS = ("raw", "jpeg", "png")
ORDERS = ("gray", "BGR", "RGB")
MOST = 2**63 - 1
MAX_SIDE = 2**31 - 1
_SHOWN = 80  # characters of what was found


def damage(values):
    """Returns (what was found, what was wanted) of the first field of a card that is not what it should be, or None.

    Args:
        values: what the card's JSON object says, less its format, version and count.
    """
    return _first(values, _CARD, "") or next(
        (wrong for i, shard in enumerate(values["shards"]) if (wrong := _first(shard, _SHARD, f"shards[{i}]."))), None
    )


def _first(values, fields, where):
    if not isinstance(values, Mapping):
        return f"{where.rstrip('.')} {_shown(values)}", "an object"
    unknown = [name for name in values if name not in fields]
    if unknown:
        return f"a field {_shown(unknown[0])}", f"fields of {', '.join(fields)}"
    for name, (is_right, want) in fields.items():
        if name not in values and not is_right(None):
            return f"no field {where}{name}", want
        if not is_right(values.get(name)):
            return f"{where}{name} {_shown(values[name])}", want
    return None


def _shown(value):
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def whole(value, least, most=MOST):
    """Returns whether `value` is a whole number (true and false are none) from `least` to `most`."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _text(value):
    return isinstance(value, str)


def _size(value):
    return value is None or isinstance(value, list) and len(value) == 2 and all(whole(n, 1, MAX_SIDE) for n in value)


def _names(value):
    return isinstance(value, Mapping) and {"image", "label"} <= set(value) and all(map(_text, value.values()))


def _file_name(value):
    return _text(value) and value not in ("", ".", "..") and not {"/", "\0"} & set(value)


def _digest(value):
    return value is None or _text(value) and len(value) == 64 and set(value) <= set("0123456789abcdef")


_CARD = {
    "split": (_text, "text"),
    "encoding": (lambda value: value in ENCODINGS, f"one of {', '.join(ENCODINGS)}"),
    "features": (_names, "the names of the features image, label and so on"),
    "channels": (lambda value: whole(value, 1, 3) and value != 2, "1 or 3"),
    "channel_order": (lambda value: value in ORDERS, f"one of {', '.join(ORDERS)}"),
    "image_shape": (_size, "height and width, or null"),
    "min_size": (_size, "height and width, or null"),
    "classes": (lambda value: isinstance(value, list) and all(map(_text, value)), "a list of names"),
    "shards": (lambda value: isinstance(value, list) and len(value) > 0, "a list of shards"),
    "prepare": (_text, "a command"),
    "made": (lambda value: value is None or isinstance(value, Mapping), "an object"),
}
_SHARD = {
    "name": (_file_name, "the name of a file in the card's own directory"),
    "count": (lambda value: whole(value, 1), "a whole number above 0"),
    "bytes": (lambda value: whole(value, 1), "a whole number above 0"),
    "sha256": (_digest, "64 hexadecimal digits, or null"),
}
