"""A profile as text: time by layer, then by operation. No TensorFlow."""

from zoo.training.profiling.attribution import BACKWARD, DATA, FORWARD, OTHER, UPDATE, by_layer

_SAID = {
    UPDATE: "(the update)",
    DATA: "(reading data)",
    OTHER: "(the loop of iterations)",
    BACKWARD: "(gradients of no layer)",
}


def text(found, layers, first, last):
    """Returns the whole table.

    Args:
        found: `Spent`s.
        layers: [(name, type)] of the net's layers.
        first, last: the iterations from `first` to before `last`.
    """
    lines = [
        f"Iterations {first} to {last - 1}. Milliseconds are those of one iteration, summed over the threads that ran",
        "its operations: where several work at once, that is more than the time that passed. TensorFlow fuses",
        "operations: a layer without a time of its own is in that of the layer after it.",
        "",
        *layer_lines(found, layers, last - first),
        "",
        *operation_lines(found, layers, last - first),
    ]
    return "\n".join(lines) + "\n"


def layer_lines(found, layers, iterations):
    """Returns the table by layer, in the net's order, and what belongs to none."""
    totals, whole = by_layer(found), sum(one.seconds for one in found) or 1
    rows = [("layer", "type", "forward ms", "backward ms", "share")]
    for index, (name, kind) in enumerate(layers):
        parts = totals.get(index)
        if parts:
            times = [1000 * parts.get(part, 0) / iterations for part in (FORWARD, BACKWARD)]
            rows.append((name, kind, *(f"{ms:.3f}" for ms in times), f"{sum(parts.values()) / whole:.1%}"))
    for part, seconds in sorted(totals.get(None, {}).items()):
        rows.append((_SAID[part], "", f"{1000 * seconds / iterations:.3f}", "", f"{seconds / whole:.1%}"))
    return _aligned(rows, left=2)


def operation_lines(found, layers, iterations, most=None):
    """Returns the table by operation, the longest first, at most `most` rows."""
    whole = sum(one.seconds for one in found) or 1
    rows = [("layer", "part", "operation", "runs", "ms", "share", "name")]
    for one in found[:most]:
        name = layers[one.layer][0] if one.layer is not None else "-"
        runs, ms = f"{one.count / iterations:g}", f"{1000 * one.seconds / iterations:.3f}"
        rows.append((name, one.part, one.kind, runs, ms, f"{one.seconds / whole:.1%}", one.name))
    return _aligned(rows, left=3)


def _aligned(rows, left):
    """Returns rows as lines, the first `left` columns and one beyond the numbers to the left, numbers to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    text = [k < left or rows[0][k] == "name" for k in range(len(widths))]
    cells = ([c.ljust(w) if t else c.rjust(w) for c, w, t in zip(row, widths, text)] for row in rows)
    return ["  ".join(row).rstrip() for row in cells]
