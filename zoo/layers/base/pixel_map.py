"""How the pixels of a layer's top lie over those of its bottom, along one spatial axis.

A map (scale, shift) says that pixel i of the bottom lies at scale * i + shift of the top. Its numbers may be fractions,
floats or arrays of them, one value for each axis.
"""

IDENTITY = (1, 0)


def window_map(pixel_map, kernel, stride, pad, dilation):
    """Returns the map of a layer whose `LayerType.pixel_map` is "window" or "transposed window"."""
    margin = (kernel - 1) * dilation / 2 - pad
    return (stride, margin) if pixel_map == "transposed window" else (1 / stride, -margin / stride)


def compose(outer, inner):
    """Returns the map of `inner`'s layer followed by that of `outer`'s."""
    (scale, shift), (inner_scale, inner_shift) = outer, inner
    return scale * inner_scale, scale * inner_shift + shift


def inverse(known):
    """Returns the map the other way."""
    scale, shift = known
    return 1 / scale, -shift / scale


def ancestors(value, identity, steps, compose=compose):
    """Yields (ancestor, map from it to `value`), nearest first and `value` itself with `identity` before all.

    Args:
        steps: ``steps(value) -> pairs (bottom, map)`` of the layer that gives a value: its bottoms with a known map.
        compose: for maps that say more than (scale, shift).
    """
    waiting, seen = [(value, identity)], set()
    while waiting:
        value, found = waiting.pop(0)
        if value in seen:
            continue
        seen.add(value)
        yield value, found
        waiting += [(bottom, compose(found, step)) for bottom, step in steps(value)]
