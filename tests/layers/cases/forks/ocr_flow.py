"""Transpose, Reverse, Lstm, CTCGreedyDecoder and WarpCTCLoss of caffe_ocr, and Mean of FlowNet."""

import numpy as np

from tests.layers.cases.case import Case, Fed, fixed, given, labels, normal, ties

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


def ctc(name, inputs, body="", gradient=(), **more):
    # The gradient is the fork's own but for one item; see tests/layers/forks/test_warp_ctc_loss.py.
    text = f"ctc_loss_param {{ {body} }}"
    return Case("WarpCTCLoss", name, inputs, text, gradient=gradient, batch_fixed=TIME, **more)


def rows(shape, *values):
    """These values in that shape."""
    return Fed(shape, lambda rng, s: np.reshape(values, s), smooth=False, grows=False)


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
    decoder("lines-of-one", "blank_index: 3", {"x": fixed(normal(2, 5, 4)), "labels": fixed(labels(4, 5))}),
    decoder("lines-with-last-blank", "blank_index: -1 ctc_merge_repeated: false", LINES),
    decoder(
        "lines-that-end",
        "",
        {**ENDING, "x": fixed(ties(7, 5, 4))},
        before='layer { name: "r" type: "Reshape" bottom: "lines" top: "l" reshape_param { shape { dim: 5 dim: 3 } } }',
        bottoms=("x", "l"),
    ),
    ctc("one-line", {"x": fixed(normal(7, 1, 4)), "lines": rows((1, 3), 1, 2, 2)}, gradient=None),
    ctc("lines", {**STEPS, "lines": rows((5, 4), 1, 2, 3, 1, 0, 3, 0, 3, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 0, 0)}),
    ctc(
        "last-is-blank",
        {"x": fixed(normal(3, 4, 3, 1)), "lines": rows((4, 2), 1, 0, 0, 0, 1, 2, 2, 2)},
        "blank_index: 2 ctc_merge_repeated: false",
    ),
    ctc(
        "marks",
        {
            "x": fixed(normal(4, 4, 5)),
            "marks": rows((4, 4), 0, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0.6, 0, 1, 0, 0.4),
            "lines": rows((4, 4), 1, 3, -1, 2, 1, -1, 7, 0, -1, -1, 2, 1, 0, -1, 2, -1),
        },
    ),
    ctc(
        "marks-where-blank-is-not-0",
        {"x": fixed(normal(3, 1, 4)), "marks": rows((3, 1), 0, 1, 1), "lines": rows((3, 1), 0, 2, -1)},
        "blank_index: 1",
        gradient=None,
    ),
    ctc(
        "lengths",
        {
            **STEPS,
            "steps": given(7, 6, 3, 1, 4, grows=False),
            "sizes": given(2, 3, 3, 1, 0, grows=False),
            "lines": rows((3, 5), 1, 2, 1, 3, 0, 2, 2, 1, 0, 0, 0, 1, 1, 0, 0),
        },
    ),
    mean("add", "operation: ADD value: 0.5 value: -1 value: 2 mean_scale: 0.5 input_scale: 0.1", X),
    mean("rows", "operation: ADD value: 0.5 value: -1", {"x": normal(3, 4)}),
    mean("three-axes", "operation: SUBTRACT value: 0.5 value: -1 value: 2", {"x": normal(2, 3, 4)}),
    mean("subtract", "operation: SUBTRACT value: 0.5 output_scale: 3", X),
    mean(
        "two-bottoms",
        "operation: SUBTRACT value: 0.5 value: 1 value: 2",
        {**X, "z": normal(2, 6, 3, 3)},
        tops=("y", "u"),
    ),
]
