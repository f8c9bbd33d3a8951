"""Transpose, Reverse, Lstm and CTCGreedyDecoder of caffe_ocr, and Mean of FlowNet."""

import numpy as np

from zoo.export.onnx.registry import writer


@writer("Transpose")
def transpose(site):
    """Transpose."""
    return site.op("Transpose", site.inputs[0], perm=list(site.kind.dim))


@writer("Reverse")
def reverse(site):
    """A slice that goes backwards."""
    ends = (site.ints(value) for value in (-1, -(2**31), site.kind.axis, -1))
    return site.op("Slice", site.inputs[0], *ends)


@writer("Lstm")
def lstm(site):
    """Step by step, with the state of item 0 for every item, as the fork has it."""
    steps, items, inputs = site.bottoms[0]
    size = site.kind.size
    x = site.op("Reshape", site.inputs[0], site.ints(steps * items, inputs))
    x = site.op("Gemm", x, site.blob(0), site.blob(2), transB=1)
    x = site.op("Reshape", x, site.ints(steps, items, 4 * size))
    marks = None
    if len(site.inputs) > 1:
        marks = site.op("Cast", site.op("Not", site.op("Equal", site.inputs[1], site.constant(0))), to=1)
        marks = site.op("Reshape", marks, site.ints(1, -1, 1))
    weight = site.op("Transpose", site.blob(1), perm=[1, 0])
    hidden = cell = None
    tops = []
    for t, gates in enumerate(site.op("Split", x, outputs=steps, axis=0) if steps > 1 else [x]):
        kept = None
        if hidden is not None:
            first = site.op("Slice", hidden, site.ints(0), site.ints(1), site.ints(1)) if items > 1 else hidden
            recurrent = site.op("MatMul", first, weight)
            kept = cell
            if marks is not None:
                going = site.op("Slice", marks, site.ints(t), site.ints(t + items), site.ints(1))
                recurrent, kept = site.op("Mul", going, recurrent), site.op("Mul", going, kept)
            gates = site.op("Add", gates, recurrent)
        i, f, o, g = site.op("Split", gates, outputs=4, axis=2)
        cell = site.op("Mul", site.op("Sigmoid", i), site.op("Tanh", g))
        if kept is not None:
            cell = site.op("Add", site.op("Mul", site.op("Sigmoid", f), kept), cell)
        hidden = site.op("Mul", site.op("Sigmoid", o), site.op("Tanh", cell))
        tops.append(hidden)
    return site.op("Concat", *tops, axis=0)


@writer("Mean")
def mean(site):
    """A constant for each channel, and the scales that are not 1."""
    given, made = site.kind.scales
    tops = []
    for x, old, shape in zip(site.inputs, site.bottoms, site.tops):
        x = x if len(old) == 4 else site.reshape(x, shape)
        values = np.tile(site.kind.values, shape[1] // len(site.kind.values))
        y = x if given == 1 else site.op("Mul", x, site.constant(given))
        y = site.op("Add", y, site.constant(values.reshape(-1, 1, 1), "values"))
        tops.append(y if made == 1 else site.op("Mul", y, site.constant(made)))
    return tuple(tops)
