"""Text in columns: the summary of a net, and the verdicts on a converted file."""


def table(head, rows, right=()):
    """Returns lines: `head` and `rows` (lists of str) in columns, those named by index in `right` set to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    rule = ["-" * width for width in widths]
    return [
        "  ".join(
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in (head, rule, *rows)
    ]


def summary(conversion):
    """Returns the lines of a net's summary: layers, types, shapes of their tops, parameters, multiply-adds.

    Shapes are Caffe's, (N,C,H,W), and multiply-adds (`LayerType.flops`) are for that N. A parameter that layers share
    counts where it is owned.
    """
    rows, operations = [], 0
    for layer in conversion.net.layers:
        own = [p for i, p in enumerate(layer.parameters) if p.key == (layer.definition.key, i)]
        owners = sorted({p.key.layer for p in layer.parameters} - {layer.definition.key})
        count = f"{sum(p.spec.count for p in own):,}" if own else ""
        if owners:
            count = f"{count} as {', '.join(owners)}".strip()
        work = 0 if layer.call is None else int(layer.type.flops(layer.bottoms, layer.tops))
        operations += work
        tops = ", ".join(shape_text(shape) for shape in layer.tops)
        rows.append([layer.definition.name, layer.definition.type, tops, count, f"{work:,}" if work else ""])
    rows.append(["total", "", "", f"{conversion.net.parameter_count():,}", f"{operations:,}"])
    return table(["layer", "type", "output", "parameters", "multiply-adds"], rows, right=(3, 4))


def verdicts(rows):
    """Returns the lines of a table of `verify.Row`s."""
    texts = [
        [
            row.output,
            row.by,
            shape_text(row.shape),
            f"{row.largest:.4g}",
            f"{row.difference:.2e}",
            f"{row.relative:.2e}",
            row.verdict,
        ]
        for row in rows
    ]
    head = ["output", "against", "shape", "largest", "max abs diff", "relative", "verdict"]
    return table(head, texts, right=(3, 4, 5))


def shape_text(shape):
    """Returns a shape as "1x3x227x227"; "scalar" for no axes."""
    return "x".join(map(str, shape)) or "scalar"
