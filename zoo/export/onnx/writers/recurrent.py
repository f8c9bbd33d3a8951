"""LSTM, RNN and LSTMUnit, step by step: ONNX has no operator of them with marks of where a sequence begins."""

from zoo.export.onnx.registry import writer
from zoo.layers.base.geometry import count


@writer("LSTM")
def lstm(site):
    """Tops: h of all steps[, the last h and c]."""

    def step(gates, cont, state):
        if not state:
            return _unit(site, gates, None, None)[::-1]
        hidden, cell = state
        gates = site.op("Add", gates, site.op("MatMul", site.op("Mul", hidden, cont), weight))
        return _unit(site, gates, cell, cont)[::-1]

    weight = site.op("Transpose", site.blob(site.blob_count - 1), perm=[1, 0])
    steps, state = _sequence(site, step)
    return site.op("Concat", *(hidden for hidden, _ in steps), axis=0), *state


@writer("RNN")
def rnn(site):
    """Tops: o of all steps[, the last h]."""

    def step(given, cont, state):
        if state:
            given = site.op("Add", given, site.op("MatMul", site.op("Mul", state[0], cont), weight))
        return (site.op("Tanh", given),)

    index = site.blob_count - 3
    weight = site.op("Transpose", site.blob(index), perm=[1, 0])
    steps, state = _sequence(site, step)
    hidden = site.op("Concat", *(hidden for (hidden,) in steps), axis=0)
    size = site.kind.num_output
    hidden = site.op("Reshape", hidden, site.ints(-1, size))
    top = site.op("Tanh", site.op("Gemm", hidden, site.blob(index + 1), site.blob(index + 2), transB=1))
    return site.op("Reshape", top, site.ints(*site.tops[0])), *state


@writer("LSTMUnit")
def lstm_unit(site):
    """Tops: the next cell, and what it shows."""
    cell, gates, cont = site.inputs
    return _unit(site, gates, cell, site.op("Unsqueeze", cont, site.ints(2)))


def _unit(site, gates, cell, cont):
    """Returns (cell, hidden) of one step, (1,N,H) each; no `cell` is one of zeros."""
    i, f, o, g = site.op("Split", gates, outputs=4, axis=2)
    new = site.op("Mul", site.op("Sigmoid", i), site.op("Tanh", g))
    if cell is not None:
        kept = site.op("Mul", site.op("Mul", site.op("Sigmoid", f), cont), cell)
        new = site.op("Add", kept, new)
    return new, site.op("Mul", site.op("Sigmoid", o), site.op("Tanh", new))


def _sequence(site, step):
    """Goes through the steps of time.

    Args:
        step: ``step(what x adds (1,N,rows), cont (1,N,1), state or ()) -> state``.

    Returns:
        (the state after each step, the last one).
    """
    (x, cont, *others), kind = site.inputs, site.kind
    steps, items = site.bottoms[0][:2]
    rows = kind.gates * kind.num_output
    x = site.op("Reshape", x, site.ints(steps * items, count(site.bottoms[0], 2)))
    x = site.op("Reshape", site.op("Gemm", x, site.blob(0), site.blob(1), transB=1), site.ints(steps, items, rows))
    if kind.static:
        static = site.op("Reshape", others.pop(0), site.ints(items, count(site.bottoms[2], 1)))
        x = site.op("Add", x, site.op("Gemm", static, site.blob(2), transB=1))
    cont = site.op("Unsqueeze", cont, site.ints(2))
    made: list[tuple[str, ...]] = [tuple(others) if kind.expose else ()]
    for given, go_on in zip(_split(site, x, steps), _split(site, cont, steps)):
        made.append(step(given, go_on, made[-1]))
    return made[1:], made[-1]


def _split(site, value, parts):
    """Returns the slices of a value along axis 0."""
    return site.op("Split", value, outputs=parts, axis=0) if parts > 1 else (value,)
