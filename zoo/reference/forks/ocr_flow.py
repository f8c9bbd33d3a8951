"""Transpose, Reverse, Lstm, CTCGreedyDecoder and WarpCTCLoss of caffe_ocr, and Mean of FlowNet."""

import numpy as np

from zoo.reference.layer import enum_name


def transpose(layer, x):
    """Axis i is the bottom's axis dim[i] (transpose_layer.cpp:74-81)."""
    return x.transpose(layer.message.transpose_param.dim)


def reverse(layer, x):
    """One axis back to front (reverse_layer.cpp:28-48)."""
    return np.flip(x, layer.message.reverse_param.axis)


def _s(x):
    return 1 / (1 + np.exp(-x))


def lstm(layer, x, marks=None):
    """Step by step and item by item, item 0's state for all of them (lstm_layer_Junhyuk.cpp:132-200)."""
    of_x, of_h, bias = layer.blobs
    steps, items, _ = x.shape
    size = of_h.shape[1]
    top = np.zeros((steps, items, size))
    c = np.zeros((items, size))
    for t in range(steps):
        recurrent = of_h @ top[t - 1, 0] if t else np.zeros(4 * size)
        for n in range(items):
            cont = t > 0 if marks is None else marks.ravel()[t + n] != 0
            gates = of_x @ x[t, n] + bias + (recurrent if cont else 0)
            i, f, o, g = gates.reshape(4, size)
            c[n] = (_s(f) * c[n] if cont else 0) + _s(i) * np.tanh(g)
            top[t, n] = _s(o) * np.tanh(c[n])
    return top


def ctc_greedy_decoder(layer, x, labels=None):
    """Lists of labels, and their edit distance by recursion (ctc_decoder_layer.cpp:152-330)."""
    p = layer.message.ctc_decoder_param
    steps, items, classes = x.shape[:3]
    blank = p.blank_index if p.blank_index >= 0 else classes - 1
    lines = []
    for n in range(items):
        line, before = [], None
        for t in range(steps):
            best = int(x[t, n].reshape(classes).argmax())
            if best != blank and not (p.ctc_merge_repeated and best == before):
                line.append(best)
            before = best
        lines.append(line)
    if labels is None:
        return np.array([line + [-1] * (steps - len(line)) for line in lines]).reshape(items, steps, 1, 1)
    wrong, right = 0, 0
    for line, given in zip(lines, labels.reshape(items, -1)):
        end = next((i for i, value in enumerate(given) if value < 0), len(given))
        target = [int(value + 0.5) for value in given[:end] if int(value + 0.5) != blank]
        if line or target:
            distance = _edits(line, target)
            wrong, right = wrong + distance / max(len(line), len(target)), right + (distance == 0)
    return np.array([1 - wrong / items, right / items]).reshape(1, 2, 1, 1)


def _edits(a, b):
    if not a or not b:
        return len(a) + len(b)
    return min(_edits(a[1:], b) + 1, _edits(a, b[1:]) + 1, _edits(a[1:], b[1:]) + (a[0] != b[0]))


def warp_ctc_loss(layer, x, *given):
    """By a sum over the readings that are left after each step (warp_ctc_loss_layer.cpp:76-330)."""
    blank = layer.message.ctc_loss_param.blank_index
    steps, items, _ = x.shape[:3]
    costs = []
    for n in range(items):
        length = steps
        if len(given) == 2:
            marks, labels = (g.reshape(steps, items)[:, n] for g in given)
            length = next((t for t in range(1, steps) if int(marks[t] + 0.5) == 0), steps)
            end = next((t for t in range(steps) if labels[t] < 0), steps)
            line = [int(v + 0.5) + (blank == 0) for v in labels[:end]]
            if not line:
                continue
        elif len(given) == 3:
            length, wanted = int(given[0].ravel()[n]), int(given[1].ravel()[n])
            line = [int(v) for v in given[2].reshape(-1, items)[:wanted, n]]
        else:
            line = [int(v) for v in given[0].reshape(items, -1)[n] if int(v) != blank]
        repeated = sum(a == b for a, b in zip(line, line[1:]))
        short = len(line) + repeated > length
        costs.append(0 if short else -np.log(_read(x[:length, n].reshape(length, -1), line, blank)))
    return np.array(sum(costs) / len(costs) if costs else np.nan)


def _read(scores, line, blank):
    """Probability that the softmax of `scores` (T,C) reads as `line`: {(labels read, last class): probability}."""
    shares = np.exp(scores - scores.max(1, keepdims=True))
    states = {(0, blank): 1.0}
    for share in shares / shares.sum(1, keepdims=True):
        after = {}
        for (read, last), p in states.items():
            for kind in {blank, last, *line[read : read + 1]}:
                new = kind not in (blank, last)
                if new and line[read : read + 1] != [kind]:
                    continue
                state = (read + new, kind)
                after[state] = after.get(state, 0) + p * share[kind]
        states = after
    return sum(p for (read, _), p in states.items() if read == len(line))


def mean(layer, *xs):
    """A value for each channel, repeated (mean_layer.cpp:66-120 at lmb-freiburg/flownet2)."""
    p = layer.message.mean_param
    sign = -1 if enum_name(p, "operation") == "SUBTRACT" else 1
    tops = []
    for x in xs:
        x = x.reshape((*x.shape, 1, 1, 1)[:4])
        top = np.empty_like(x)
        for c in range(x.shape[1]):
            value = p.value[c % len(p.value)]
            top[:, c] = p.output_scale * (p.input_scale * x[:, c] + sign * p.mean_scale * value)
        tops.append(top)
    return tuple(tops)


LAYERS = {
    "CTCGreedyDecoder": ctc_greedy_decoder,
    "Lstm": lstm,
    "Mean": mean,
    "Reverse": reverse,
    "Transpose": transpose,
    "WarpCTCLoss": warp_ctc_loss,
}
