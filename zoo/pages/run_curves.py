"""The curves of a run as its page draws them, from its log."""

import math

_RAW = "training, each"
_COLOURS = {_RAW: 6, "training": 1, "training, smoothed": 1, "test": 3, "lr": 2}  # places in --k0 and so on of net.css
_LONGEST = 1200  # points of a curve that a page holds; of more, the least and the largest of each stretch


def curves(log):
    """Returns a dict for each chart of a `TrainingLog`: title, x, log (axis), series of {name, colour, points}.

    Losses of training and tests share a chart, as outputs of one name do; the learning rate has its own.
    """
    shared = {}
    for kind, outputs in ((_RAW, log.train), ("test", log.test)):
        for name, points in outputs.items():
            net, _, output = name.rpartition(":")
            shared.setdefault(output, []).append((f"{kind} ({net})" if net else kind, points))
    if log.loss:
        shared.setdefault("loss", [])
        said = dict(log.train.get("loss", ()))
        if all(_same(said.get(x, y), y) for x, y in log.loss):  # nothing is smoothed: it is one curve
            shared["loss"] = [pair for pair in shared["loss"] if pair[0] != _RAW]
            shared["loss"].insert(0, ("training", log.loss))
        else:
            shared["loss"].insert(1, ("training, smoothed", log.loss))
        shared = {"loss": shared.pop("loss"), **shared}
    charts = [_chart(name, series) for name, series in shared.items()]
    if log.rate:
        values = [value for _, value in log.rate if value > 0]
        wide = bool(values) and max(values) > 50 * min(values)
        charts.append(_chart("learning rate", [("lr", log.rate)], wide))
    return charts


def _chart(title, series, log=False):
    colours = [_COLOURS.get(name, 4 + place) for place, (name, _) in enumerate(series)]
    return {
        "title": title,
        "x": "iterations",
        "log": log,
        "series": [
            {"name": name, "colour": colour % 10, "points": _thinned(points)}
            for (name, points), colour in zip(series, colours)
        ],
    }


def _thinned(points):
    """Returns points [[x, y]], at most some `_LONGEST`, as high and low as before; y is None where it is no number."""
    stretch = -(-2 * len(points) // _LONGEST) if len(points) > _LONGEST else 1
    kept = []
    for first in range(0, len(points), stretch):
        part = points[first : first + stretch]
        good = [point for point in part if math.isfinite(point[1])]
        ends = {min(good, key=_height), max(good, key=_height)} if good else {part[0]}
        kept += sorted({*ends, *(part[-1:] if first + stretch >= len(points) else [])})
    return [[x, float(f"{y:.6g}") if math.isfinite(y) else None] for x, y in kept]


def _same(one, other):
    return one == other or math.isnan(one) and math.isnan(other)


def _height(point):
    return point[1]
