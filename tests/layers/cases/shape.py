"""Layers that move, join, pick or add up values, and those with a plain matrix product."""

from tests.layers.cases.case import Case, fixed, given, labels, normal, ties

X = {"x": normal(2, 3, 4, 5)}
ROWS = {"x": normal(3, 8)}
NO_BATCH = "axis 0 is not a batch of independent items here"


def three(*shapes):
    return {name: normal(*shape) for name, shape in zip("abc", shapes)}


def over(name, body, inputs=None):
    return Case("Reshape", name, inputs or {"x": normal(2, 6, 4, 5)}, f"reshape_param {{ {body} }}")


def dims(*sizes):
    return "shape { " + " ".join(f"dim: {size}" for size in sizes) + " }"


def ip(name, shape, body, **more):
    return Case("InnerProduct", name, {"x": normal(*shape)}, f"inner_product_param {{ {body} }}", **more)


def argmax(name, body="", fed=None):
    return Case("ArgMax", name, {"x": fed or normal(3, 4, 5, 2)}, f"argmax_param {{ {body} }}", gradient=())


def reduction(name, body, inputs=X, **more):
    return Case("Reduction", name, inputs, f"reduction_param {{ {body} }}", **more)


CASES = [
    argmax("items"),
    argmax("items-top-k", "top_k: 4"),
    argmax("items-with-values", "top_k: 3 out_max_val: true"),
    argmax("rows-with-values", "top_k: 2 out_max_val: true", normal(3, 8)),
    argmax("axis", "axis: 1"),
    argmax("axis-top-k", "axis: -2 top_k: 3"),
    argmax("axis-values", "axis: 1 top_k: 2 out_max_val: true"),
    argmax("ties", "top_k: 3", ties(4, 9)),
    argmax("axis-ties", "axis: 2 top_k: 2", ties(3, 4, 5, 2)),
    Case("BatchReindex", "planes", {"x": normal(4, 3, 2, 5), "index": given(3, 0, 0, 2, 3, 1)}),
    Case("BatchReindex", "rows", {"x": normal(4, 3), "index": given(2, 2)}),
    Case("Concat", "channels", three((2, 3, 4, 5), (2, 1, 4, 5), (2, 4, 4, 5))),
    Case("Concat", "last", three((2, 3, 4, 5), (2, 3, 4, 2)), "concat_param { axis: -1 }"),
    Case("Concat", "batch", three((2, 3, 4, 5), (1, 3, 4, 5)), "concat_param { axis: 0 }"),
    Case("Concat", "legacy", three((2, 3, 4, 5), (2, 3, 2, 5)), "concat_param { concat_dim: 2 }"),
    Case("Concat", "rows", three((3, 8), (3, 2))),
    Case("Concat", "alone", three((2, 3, 4, 5))),
    Case("Eltwise", "sum", three((2, 3, 4, 5), (2, 3, 4, 5), (2, 3, 4, 5))),
    Case(
        "Eltwise",
        "weighted",
        three((2, 3, 4, 5), (2, 3, 4, 5), (2, 3, 4, 5)),
        "eltwise_param { coeff: 0.7 coeff: -1.3 coeff: 0 }",
    ),
    Case("Eltwise", "product", three((3, 7), (3, 7), (3, 7)), "eltwise_param { operation: PROD }"),
    Case("Eltwise", "max", three((2, 3, 4, 5), (2, 3, 4, 5), (2, 3, 4, 5)), "eltwise_param { operation: MAX }"),
    Case(
        "Embed",
        "with-bias",
        {"index": labels(7, 4, 3)},
        "embed_param { num_output: 5 input_dim: 7 }",
    ),
    Case("Embed", "line", {"index": labels(4, 6)}, "embed_param { num_output: 3 input_dim: 9 bias_term: false }"),
    Case("Embed", "planes", {"index": labels(4, 2, 1, 3)}, "embed_param { num_output: 5 input_dim: 4 }"),
    Case(
        "Filter",
        "two",
        {"a": normal(5, 3, 2, 4), "b": normal(5, 6), "keep": given(1, 0, 0.5, 1, 0)},
        tops=("p", "q"),
        dynamic=True,
    ),
    Case("Filter", "all", {"a": normal(3, 4), "keep": given(1, -1, 2)}, dynamic=True),
    Case("Flatten", "default", X),
    Case("Flatten", "from-2", X, "flatten_param { axis: 2 }"),
    Case("Flatten", "middle", X, "flatten_param { axis: 1 end_axis: -2 }"),
    Case("Flatten", "one-axis", X, "flatten_param { axis: -2 end_axis: 2 }"),
    Case("Flatten", "all", X, "flatten_param { axis: 0 }"),
    ip("planes", (2, 3, 4, 5), "num_output: 6"),
    ip("rows", (3, 8), "num_output: 5 bias_term: false"),
    ip("transposed", (2, 3, 4, 5), "num_output: 6 transpose: true"),
    ip("from-2", (2, 3, 4, 5), "num_output: 6 axis: 2"),
    ip("last", (2, 3, 4, 5), "num_output: 6 axis: -1"),
    ip("sequence", (4, 2, 5), "num_output: 3 axis: 2 transpose: true"),
    ip("from-0", (2, 3, 4, 5), "num_output: 6 axis: 0", batch_fixed="the weight has a column for each item"),
    Case(
        "Parameter",
        "added",
        {"x": normal(2, 3)},
        "parameter_param { shape { dim: 2 dim: 3 } }",
        ("p",),
        bottoms=(),
        after='layer { name: "sum" type: "Eltwise" bottom: "x" bottom: "p" top: "y" }',
        gradient=("p", "y"),
        batch_fixed="the parameter has a batch axis of its own",
    ),
    Case(
        "Parameter",
        "planes",
        {"x": normal(2, 3, 4, 5)},
        "parameter_param { shape { dim: 2 dim: 3 dim: 4 dim: 5 } }",
        ("p",),
        bottoms=(),
        after='layer { name: "sum" type: "Eltwise" bottom: "x" bottom: "p" top: "y" }',
        gradient=("p", "y"),
        batch_fixed="the parameter has a batch axis of its own",
    ),
    reduction("all", ""),
    reduction("sum", "axis: 1 coeff: 0.7"),
    reduction("asum", "operation: ASUM axis: 2"),
    reduction("sumsq", "operation: SUMSQ axis: 1 coeff: -0.5"),
    reduction("mean", "operation: MEAN axis: -1 coeff: 3"),
    reduction("mean-rows", "operation: MEAN axis: 0", ROWS),
    over("copy-and-infer", dims(0, 3, -1, 5)),
    over("rank-2", dims(0, -1)),
    over("rank-3", dims(0, 12, 10)),
    over("to-planes", dims(0, 2, 4, -1), {"x": normal(3, 24)}),
    over("to-volume", dims(0, 2, 3, 4, 5)),
    over("inner", dims(2, 3) + " axis: 1 num_axes: 1"),
    over("insert", dims(1) + " axis: 1 num_axes: 0"),
    over("append", dims(1) + " axis: -1 num_axes: 0", ROWS),
    over("last-two", dims(20) + " axis: -3"),
    Case(
        "Silence",
        "one-of-two",
        {"x": normal(2, 3, 4, 5)},
        tops=(),
        bottoms=("a",),
        before='layer { name: "split" type: "Split" bottom: "x" top: "a" top: "b" }',
        gradient=("b",),
    ),
    Case(
        "Silence",
        "two",
        {"x": normal(3, 8), "z": normal(3, 2)},
        tops=(),
        bottoms=("a", "z"),
        before='layer { name: "split" type: "Split" bottom: "x" top: "a" top: "b" }',
        gradient=("b",),
    ),
    Case("Slice", "equal", {"x": normal(2, 6, 4, 5)}, tops=("p", "q", "r")),
    Case(
        "Slice",
        "points",
        {"x": normal(2, 7, 4, 5)},
        "slice_param { axis: -3 slice_point: 1 slice_point: 4 }",
        ("p", "q", "r"),
    ),
    Case("Slice", "legacy", {"x": normal(2, 3, 7, 5)}, "slice_param { slice_dim: 2 slice_point: 5 }", ("p", "q")),
    Case(
        "Slice",
        "batch",
        {"x": fixed(normal(4, 3, 2, 5))},
        "slice_param { axis: 0 slice_point: 1 }",
        ("p", "q"),
        batch_fixed=NO_BATCH,
    ),
    Case("Slice", "last", {"x": normal(3, 8)}, "slice_param { axis: -1 }", ("p", "q", "r", "s")),
    Case("Slice", "alone", X),
    Case("Split", "three", X, tops=("p", "q", "r")),
    Case("Split", "rows", ROWS, tops=("p", "q")),
    Case("Tile", "channels", X, "tile_param { tiles: 3 }"),
    Case("Tile", "last", X, "tile_param { axis: -1 tiles: 2 }"),
    Case("Tile", "batch", ROWS, "tile_param { axis: 0 tiles: 2 }"),
    Case("Tile", "volume", {"x": normal(2, 3, 2, 4, 3)}, "tile_param { axis: 2 tiles: 3 }"),
    Case("Tile", "once", X, "tile_param { axis: 2 tiles: 1 }"),
]
