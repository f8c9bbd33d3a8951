"""Draws any two columns of training logs against each other, several logs on one chart.

  python -m zoo.plot_log caffe.log.train                                     lists what may be drawn
  python -m zoo.plot_log caffe.log.train Iters TrainingLoss loss.png
  python -m zoo.plot_log caffe.log runs/lenet/train.log Iters TestAccuracy both.png
  python -m zoo.plot_log 6 loss.png caffe.log ours.log                       as Caffe's plot_training_log.py

A file is a table of zoo.parse_log or of Caffe's own parse_log.sh and parse_log.py, or a log itself, ours or Caffe's,
gzipped or not. The ending of the chart's name says its format: .png, .svg or .pdf. `python -m zoo.plot` draws a run's
loss and scores together, without being told columns.

Chart types by number, as Caffe's plot_training_log.py counts them:
  0 Test accuracy vs. Iters   2 Test loss vs. Iters   4 Train learning rate vs. Iters   6 Train loss vs. Iters
  1 Test accuracy vs. Seconds 3 Test loss vs. Seconds 5 Train learning rate vs. Seconds 7 Train loss vs. Seconds
"""

import math
import os
import pathlib

from absl import flags

from zoo import charts, command
from zoo.errors import DataError, Place, ZooError, did_you_mean
from zoo.formats import limits, log_tables
from zoo.progress import waiting
from zoo.report import Report

LOG_SCALE = flags.DEFINE_bool("log_scale", False, "Draw the vertical axis by powers of ten, as losses are often shown.")
TITLE = flags.DEFINE_string("title", None, "What stands above the chart. Default: the two columns.")
limits.define_flags()

MOST = 100  # words on the command line
CHARTS = [(y, x) for y in ("TestAccuracy", "TestLoss", "LearningRate", "TrainingLoss") for x in ("Iters", "Seconds")]
AXES = {"Iters": "iteration", "NumIters": "iteration", "Seconds": "seconds"}


def main(*words):
    """Lists the columns of the files, or draws two of them."""
    if not words:
        raise ZooError(
            "which file?", want="python -m zoo.plot_log LOG.train Iters TrainingLoss out.png", hint="see --help"
        )
    is_file = [os.path.exists(word) for word in words]
    if words[0].isdecimal() and not is_file[0]:
        return _by_number(*words)
    if all(is_file) or len(words) == 1:
        return _columns([pathlib.Path(word) for word in words])
    if len(words) < 4:
        want = f"python -m zoo.plot_log {words[0]} Iters TrainingLoss out.png"
        raise ZooError(
            "which columns, and which chart?", got=" ".join(words), want=want, hint="a file alone lists them"
        )
    *files, x, y, output = words
    return _drawn([pathlib.Path(file) for file in files], x, y, output)


def _columns(paths):
    """Returns the `Report` of what may be drawn of files, and how."""
    report, found = Report(), {path: _tables(path) for path in paths}
    for path in paths:
        report.text("\n".join(headers(path)))
    report.more["columns"] = {str(path): {kind: table.headers for kind, table in found[path].items()} for path in paths}
    columns = next((table.headers for table in found[paths[0]].values()), ())
    if len(columns) > 1:
        y = "TrainingLoss" if "TrainingLoss" in columns else columns[-1]
        report.then("draw", "zoo.plot_log", *paths, columns[0], y, f"{y}.png")
    return report


def _drawn(paths, x, y, output):
    with waiting("Drawing"):
        draw(paths, x, y, output)
    report = Report().text(f"{y} against {x}: {output}").note_made("chart", output)
    if not LOG_SCALE.value:
        report.then_typed("by powers of ten", command.same("--log_scale"))
    return report


def _by_number(number, output=None, *files):
    if not files:
        raise ZooError("which logs?", want=f"python -m zoo.plot_log {number} out.png LOG [LOG ...]", hint="see --help")
    if number not in map(str, range(len(CHARTS))):
        raise ZooError("no such chart type", got=number, want=f"0 to {len(CHARTS) - 1}", hint="--help lists them")
    y, x = CHARTS[int(number)]
    return _drawn([pathlib.Path(file) for file in files], x, y, output)


def _tables(path):
    """Returns {kind, "" for a table's file: table} of what a file has that may be drawn."""
    return {kind: table for kind, table in log_tables.read(path).items() if table.rows or not kind}


def headers(path):
    """Returns the lines that say which columns a file has."""
    rows = [f"  {f'{kind}: ' if kind else ''}{' '.join(table.headers)}" for kind, table in _tables(path).items()]
    return [f"Available headers of {path}:", *rows]


def draw(paths, x, y, output):
    """Draws the column `y` of files over their column `x` into the image file `output`.

    Raises:
        DataError: a file is neither table nor log, or has not both columns; the image cannot be written.
    """
    curves = [_points(path, x, y) for path in paths]
    with charts.chart(output, size=(8, 5)) as (_, (axis,)):
        for index, (label, (xs, ys)) in enumerate(zip(charts.labels(paths), curves)):
            few = len(xs) < 50
            width = charts.width(index, len(curves))
            axis.plot(xs, ys, linewidth=width, marker="o" if few else None, markersize=3 + width, label=label)
        axis.set(xlabel=AXES.get(x, x), ylabel=y, title=TITLE.value or f"{y} vs. {x}")
        if LOG_SCALE.value:
            axis.set(yscale="log")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=9)


def _points(path, x, y):
    """Returns the two columns of a file, without rows in which either is unknown."""
    tables = list(_tables(path).values())
    known = list(dict.fromkeys(header for table in tables for header in table.headers))
    for header in (x, y):
        if header not in known:
            hint = did_you_mean(header, known)
            raise DataError(
                "no such column", at=Place(str(path)), got=repr(header), want=f"one of {', '.join(known)}", hint=hint
            )
    both = [table for table in tables if x in table.headers and y in table.headers]
    if not both:
        got, want = f"{x} and {y}", "two of one line below: " + "; ".join(" ".join(t.headers) for t in tables)
        raise DataError("columns of different tables", at=Place(str(path)), got=got, want=want)
    pairs = [(a, b) for a, b in zip(both[0].column(x), both[0].column(y)) if not (math.isnan(a) or math.isnan(b))]
    if not pairs:
        raise DataError("nothing to draw", at=Place(str(path)), got=f"no row with both {x} and {y}")
    return list(zip(*pairs))


if __name__ == "__main__":
    command.run(main, arguments=MOST)
