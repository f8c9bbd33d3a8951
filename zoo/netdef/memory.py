"""The memory that a net needs at least, from its shapes, held against what is there before anything is built."""

import math

from zoo.errors import NetError
from zoo.formats import limits
from zoo.netdef.netdef import ParamKey
from zoo.netdef.shape_inference import multipliers

FLOAT = 4  # bytes of a parameter, gradient or history value


def check(planned, definition, held=None, present=(), itemsize=FLOAT, on_host=True):
    """Raises NetError where a net cannot fit: a lower bound of what it needs exceeds what may be taken.

    Args:
        planned: its `PlannedLayer`s.
        definition: the `NetDef`.
        held: how many arrays each learned parameter has besides itself (gradient, history) while the net runs at the
            planned shapes; None where it is only built, and its parameters alone count.
        present: keys of parameters that are there already.
        itemsize: bytes of a value between layers.
        on_host: whether layers run in the host's memory; where not, only the largest parameter is sure to be in it.
    """
    owned = _parameters(planned, definition, present)
    more = multipliers(definition) if held and on_host else {}
    parts = []
    for key, (layer, spec) in owned.items():
        learned = spec.trainable and (spec.multipliers or more.get(key, (1.0,)))[0] != 0
        parts.append((FLOAT * spec.count * (1 + (held or 0) * learned * on_host), layer))
    largest, where = max(parts, default=(0, None), key=lambda part: part[0])
    need = sum(size for size, _ in parts) if on_host else largest
    if held is not None and on_host:
        running, layer = _running(planned, definition, itemsize)
        need += running
        if running > largest:
            largest, where = running, layer
    most = limits.MEMORY_BYTES.value
    if most is not None and need > most:
        what = f"the net needs more memory than there is; the largest part, {_said(largest)}, is this layer's"
        raise NetError(
            what,
            at=where.definition.at(),
            got=f"{_said(need)} at least",
            want=f"at most {_said(most)}",
            hint=limits.MEMORY_BYTES.hint,
        )


def _parameters(planned, definition, present):
    """Returns {owner's key: (PlannedLayer, BlobSpec)} of those parameters that have yet to be made."""
    owned = {}
    for layer in planned:
        for index, spec in enumerate(layer.blobs):
            key = ParamKey(layer.definition.key, index)
            key = definition.owners.get(key, key)
            if key not in present:
                owned.setdefault(key, (layer, spec))
    return owned


def _running(planned, definition, itemsize):
    """Returns (bytes, PlannedLayer) of the layer whose bottoms and tops are most; they are there at one time."""
    live = {
        *definition.outputs,
        *(top for layer in planned for top, w in zip(layer.definition.tops, layer.loss_weights) if w),
    }
    found = (0, None)
    for layer in reversed(planned):
        tops, bottoms = layer.definition.tops, layer.definition.bottoms
        if not live.intersection(tops):  # nothing that is asked for comes of it, as behind a Silence
            continue
        live.update(bottoms)
        read = sum(math.prod(shape) for shape in dict(zip(bottoms, layer.bottoms)).values())
        written = sum(math.prod(shape) for top, shape in zip(tops, layer.tops) if top in live)
        # Where a layer keeps the place of each value, its top may lie in the memory of its bottom.
        apart = layer.type.pixel_map in ("window", "transposed window")
        size = itemsize * (read + written if apart else max(read, written))
        found = max(found, (size, layer), key=lambda pair: pair[0])
    return found


def _said(size):
    return f"{size / (1 << 30):.1f} GiB" if size >= 1 << 30 else f"{size / (1 << 20):.1f} MiB"
