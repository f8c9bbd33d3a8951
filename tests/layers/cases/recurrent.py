"""LSTM, RNN and the LSTM's unit. Axis 0 is time, fixed at set-up, and axis 1 the batch."""

from tests.layers.cases.case import Case, Fed, given, normal

TIME = "axis 0 is time, fixed when the layer is set up"


def _cont(rng, shape):
    """A sequence begins in stream i at step i, so that streams differ; others go on."""
    cont = rng.integers(0, 4, size=shape) > 0
    cont[0, 0] = False
    cont[1, -1] = False
    return cont


def cont(*shape):
    """1 where a sequence goes on, 0 where one begins."""
    return Fed(shape, _cont, smooth=False)


def sequence(type_, name, inputs, body="", **more):
    param = f'recurrent_param {{ num_output: 3 weight_filler {{ type: "uniform" }} {body} }}'
    # The exposed last states hand no gradient back (recurrent_layer.cpp:270-274 shares their data only).
    return Case(type_, name, inputs, param, batch_fixed=TIME, gradient=("y",), **more)


X = {"x": normal(4, 2, 5), "cont": cont(4, 2)}
STATIC = {"static": normal(2, 6)}
# Caffe gives the exposed first states no gradient (recurrent_layer.cpp:219-221).
H0 = {"h0": Fed((1, 2, 3), normal(1).draw, smooth=False)}
C0 = {"c0": Fed((1, 2, 3), normal(1).draw, smooth=False)}

CASES = [
    sequence("LSTM", "plain", X),
    sequence("LSTM", "static", {**X, **STATIC}),
    sequence("LSTM", "planes", {"x": normal(3, 2, 4, 2), "cont": cont(3, 2)}),
    sequence("LSTM", "exposed", {**X, **H0, **C0}, "expose_hidden: true", tops=("y", "hT", "cT")),
    sequence("LSTM", "exposed-static", {**X, **STATIC, **H0, **C0}, "expose_hidden: true", tops=("y", "hT", "cT")),
    sequence("RNN", "plain", X),
    sequence("RNN", "static", {**X, **STATIC}),
    sequence("RNN", "exposed", {**X, **H0}, "expose_hidden: true", tops=("y", "hT")),
    Case(
        "LSTMUnit",
        "plain",
        {
            "c": normal(1, 4, 3),
            "gates": normal(1, 4, 12),
            "cont": Fed((1, 4), lambda rng, shape: given(1, 0, 1, 1).draw(rng, shape), smooth=False),
        },
        tops=("cell", "hidden"),
        batch_fixed="axis 0 is one step of time",
    ),
]
