"""The memory that a net needs, from its shapes, held against what is there before anything is built.

Memory is held against what a net needs at least. Where the address space has a limit (`ulimit -v`) it is held against
what a net needs at most: TensorFlow does not survive the end of it, and ends by a signal or in a traceback.
"""

import math

from zoo.command import addresses_of_cores
from zoo.errors import NetError
from zoo.formats import limits
from zoo.formats.memory import addresses
from zoo.netdef.netdef import ParamKey
from zoo.netdef.shape_inference import multipliers

FLOAT = 4  # bytes of a parameter, gradient or history value
# What a running net maps at most, as docs/reliability.md has it measured: so many bytes for threads and graph, and so
# many times its parameters, without what `held` says, and its tops, without and for gradients.
ADDRESSES = 15 << 26
OF_PARAMETERS, OF_TOPS, OF_GRADIENTS = 5, 2, 1


def check(planned, definition, held=None, present=(), itemsize=FLOAT, on_host=True):
    """Raises NetError where a net cannot fit.

    That is where a lower bound of what it needs exceeds what may be taken, or where it is to run in an address space
    with a limit, and an upper estimate exceeds what is left of that (unless `limits.MEMORY_BYTES` was given).

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
    if held is not None and on_host and not limits.MEMORY_BYTES.given:
        _check_addresses(planned, owned, held, itemsize)


def _check_addresses(planned, owned, held, itemsize):
    known = addresses()
    if known is None:
        return
    most, mapped = known
    of_tops = OF_TOPS + OF_GRADIENTS * bool(held)
    parts = [(of_tops * itemsize * math.prod(shape), layer) for layer in planned for shape in layer.tops]
    parts += [((OF_PARAMETERS + held) * FLOAT * spec.count, layer) for layer, spec in owned.values()]
    need, left = ADDRESSES + addresses_of_cores() + sum(size for size, _ in parts), max(0, most - mapped)
    if need > left:
        largest, where = max(parts, default=(0, None), key=lambda part: part[0])
        raise NetError(
            f"the net may need more address space than is left; the largest part, {_said(largest)}, is this layer's",
            at=where.definition.at() if where else None,
            got=f"{_said(need)} at most",
            want=f"{_said(left)}, which is the limit of {_said(most)} without the {_said(mapped)} in use",
            hint="a smaller batch_size, or a higher limit, which is that of `ulimit -v`; --max_memory_bytes=N checks "
            "what the net needs at least instead",
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
