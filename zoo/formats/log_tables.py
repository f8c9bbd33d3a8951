"""Tables of a training log, one of training and one of tests, with the columns of Caffe's own tools.

Two forms. Text is that of tools/extra/parse_log.sh: `#Iters Seconds TrainingLoss LearningRate` and `#Iters Seconds
TestAccuracy TestLoss`, columns aligned by blanks. CSV is that of tools/extra/parse_log.py: `NumIters,Seconds,
LearningRate` and then a column for each output of the net, by its name. What a log does not say is NaN.
"""

import bisect
import csv
import io
import math
import pathlib
from dataclasses import dataclass

from zoo.errors import DataError, Place
from zoo.formats import regular, training_log

NAMES = {"accuracy": "TestAccuracy", "loss": "TestLoss"}  # what parse_log.sh calls the first two outputs of a test
_TEXT = ("Iters", "Seconds")
_CSV = ("NumIters", "Seconds", "LearningRate")


@dataclass(frozen=True)
class Table:
    """Rows of numbers under headers.

    Attributes:
        headers: the name of each column.
        rows: a tuple of floats for each row, NaN where nothing is known.
    """

    headers: tuple
    rows: list

    def column(self, header):
        """Returns the values under `header`, which is one of `headers`."""
        index = self.headers.index(header)
        return [row[index] for row in self.rows]


def of_log(log):
    """Returns the text form's (training, test) tables of a `TrainingLog`."""
    rate, seconds = dict(log.rate), log.seconds
    train = [(i, _at(seconds, "loss", i), loss, rate.get(i, math.nan)) for i, loss in log.loss]
    names = tuple(NAMES.get(name, name) for name in log.test)
    curves = [dict(curve) for curve in log.test.values()]
    tested = sorted(set().union(*curves))
    test = [(i, _at(seconds, "testing", i), *(curve.get(i, math.nan) for curve in curves)) for i in tested]
    return Table((*_TEXT, "TrainingLoss", "LearningRate"), train), Table((*_TEXT, *names), test)


def csv_of_log(log):
    """Returns the CSV form's (training, test) tables of a `TrainingLog`."""
    return _csv_table(log, "train", log.train), _csv_table(log, "test", log.test)


def _csv_table(log, kind, outputs):
    curves = [dict(curve) for curve in outputs.values()]
    said = sorted(set().union(*curves))
    rows = [
        (i, _at(log.seconds, kind, i), _rate(log.rate, i), *(curve.get(i, math.nan) for curve in curves)) for i in said
    ]
    return Table((*_CSV, *outputs), rows)


def _at(seconds, kind, iteration):
    return seconds.get(kind, {}).get(iteration, math.nan)


def _rate(curve, iteration):
    """Returns the rate that was said last at or before `iteration`, or the first one."""
    if not curve:
        return math.nan
    return curve[max(0, bisect.bisect_right(curve, (iteration, math.inf)) - 1)][1]


def as_text(table):
    """Returns a `Table` in the form of parse_log.sh, numbers with the six digits that Caffe logs."""
    rows = [(f"{int(row[0])}", f"{row[1]:.6f}", *(f"{value:.6g}" for value in row[2:])) for row in table.rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join(["#" + " ".join(table.headers), *lines]) + "\n"


def as_csv(table, delimiter=","):
    """Returns a `Table` in the form of parse_log.py."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(table.headers)
    writer.writerows(map(float, row) for row in table.rows)
    return file.getvalue()


def read(path):
    """Returns {kind: `Table`} of a file: of a table of ours or of Caffe's tools, kind "", or of a log, whose tables
    in the text form are "train" and "test".

    Raises:
        DataError: no such file, a damaged table, or neither table nor log.
    """
    path = pathlib.Path(path)
    try:
        with regular.open_binary(path) as file:
            start = file.read(len(_CSV[0]))
            if start.startswith(b"#" + _TEXT[0].encode()) or start == _CSV[0].encode():
                data = start + file.read()
                return {"": _parsed(data.decode("utf-8", "replace"), Place(str(path)))}
    except OSError as error:
        raise DataError(f"cannot read {path}", got=error.strerror or str(error)) from error
    train, test = of_log(training_log.read(path))
    return {"train": train, "test": test}


def _parsed(text, place):
    header, *lines = text.splitlines()
    if header.startswith("#"):
        headers, *rows = [line.split() for line in (header[1:], *lines)]
    else:
        delimiter = header[len(_CSV[0]) : len(_CSV[0]) + 1] or ","
        try:
            headers, *rows = csv.reader([header, *lines], delimiter=delimiter)
        except (csv.Error, ValueError) as error:
            raise DataError("no CSV", at=place, got=str(error)) from None
    numbers = []
    for line, cells in enumerate(rows, 2):
        at = Place(place.file, line)
        if len(cells) > len(headers):
            got, want = f"{len(cells)} values", f"{len(headers)}, under {' '.join(headers)}"
            raise DataError("a row of a table", at=at, got=got, want=want)
        if cells:  # parse_log.sh leaves the rate of the last row away: Caffe logs none with its last loss
            numbers.append((*(_number(cell, at) for cell in cells), *[math.nan] * (len(headers) - len(cells))))
    return Table(tuple(headers), numbers)


def _number(cell, place):
    try:
        return float(cell)
    except ValueError:
        raise DataError("a value of a table", at=place, got=repr(cell[:40]), want="a number") from None
