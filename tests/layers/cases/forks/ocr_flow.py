"""Transpose, Reverse, Lstm and CTCGreedyDecoder of caffe_ocr, and Mean of FlowNet."""

from tests.layers.cases.case import Case, fixed, given, labels, normal, ties

X = {"x": normal(2, 3, 4, 5)}
TIME = "axis 0 is time"
SEQUENCE = {"x": fixed(normal(4, 3, 5))}
STEPS = {"x": fixed(normal(7, 5, 4))}


def transpose(name, dims, inputs=X, **more):
    body = " ".join(f"dim: {dim}" for dim in dims)
    return Case("Transpose", name, inputs, f"transpose_param {{ {body} }}", **more)


def reverse(name, axis, inputs=X):
    return Case("Reverse", name, inputs, f"reverse_param {{ axis: {axis} }}")


def lstm(name, body, inputs=None, **more):
    text = f"lstm_param {{ num_output: 4 {body} }}"
    return Case("Lstm", name, inputs or SEQUENCE, text, batch_fixed=TIME, **more)


def decoder(name, body="", inputs=None, **more):
    text = f"ctc_decoder_param {{ {body} }}"
    return Case("CTCGreedyDecoder", name, inputs or STEPS, text, gradient=(), batch_fixed=TIME, **more)


def mean(name, body, inputs, **more):
    return Case("Mean", name, inputs, f"mean_param {{ {body} }}", gradient=(), **more)


LINES = {**STEPS, "lines": fixed(labels(4, 5, 6))}
ENDING = {**STEPS, "lines": given(1, 2, -1, 0, 3, -1, 3, 3, 1, 2, 2, 2, -1, -1, -1, grows=False)}
CASES = [
    transpose("planes", (0, 2, 3, 1)),
    transpose("batch-moved", (3, 0, 1, 2), batch_fixed="moves axis 0"),
    transpose("three", (0, 2, 1), {"x": normal(2, 3, 4)}),
    transpose("five", (0, 4, 3, 1, 2), {"x": normal(2, 3, 2, 4, 3)}),
    reverse("items", 0),
    reverse("channels", 1),
    reverse("columns", 3),
    reverse("sequence", 2, {"x": normal(2, 3, 4)}),
    lstm("sequence", "batch_size: 7", {"x": fixed(normal(4, 1, 5))}),
    lstm("clipping-does-not-matter", "clipping_threshold: 1000", {"x": fixed(normal(4, 1, 5))}),
    # With several items or marks the gradient is the fork's own; see tests/layers/forks/test_lstm.py.
    lstm("items", "", gradient=()),
    lstm("marks", "", {**SEQUENCE, "m": given(0, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0, grows=False)}, gradient=()),
    decoder("plain"),
    decoder("all-repeated", "ctc_merge_repeated: false blank_index: 2"),
    decoder("last-is-blank", "blank_index: -1"),
    decoder("ties", "", {"x": fixed(ties(7, 5, 4))}),
    decoder("four-axes", "", {"x": fixed(normal(7, 5, 4, 1))}),
    decoder("lines", "", LINES),
    decoder("lines-with-last-blank", "blank_index: -1 ctc_merge_repeated: false", LINES),
    decoder(
        "lines-that-end",
        "",
        {**ENDING, "x": fixed(ties(7, 5, 4))},
        before='layer { name: "r" type: "Reshape" bottom: "lines" top: "l" reshape_param { shape { dim: 5 dim: 3 } } }',
        bottoms=("x", "l"),
    ),
    mean("add", "operation: ADD value: 0.5 value: -1 value: 2 mean_scale: 0.5 input_scale: 0.1", X),
    mean("subtract", "operation: SUBTRACT value: 0.5 output_scale: 3", X),
    mean(
        "two-bottoms",
        "operation: SUBTRACT value: 0.5 value: 1 value: 2",
        {**X, "z": normal(2, 6, 3, 3)},
        tops=("y", "u"),
    ),
]
