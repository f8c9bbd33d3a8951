"""Reads training logs in Caffe's form, Caffe's own and ours alike, into plain numbers (as tools/extra/parse_log.py)."""

import gzip
import pathlib
import re
from dataclasses import dataclass, field

from zoo.errors import DataError

_NUMBER = r"([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan|inf))"
_ITERATION = re.compile(r"\] *Iteration (\d+)")
_LOSS = re.compile(rf"\] *Iteration \d+[ ,].*loss = {_NUMBER}")
_RATE = re.compile(rf"\] *Iteration \d+, lr = {_NUMBER}")
_OUTPUT = re.compile(rf"\] *(Train|Test) net output #\d+: (\S+) = {_NUMBER}")


@dataclass
class TrainingLog:
    """What a log says. Each curve is a list of (iteration, value).

    Attributes:
        loss: the displayed, smoothed loss.
        rate: the learning rate.
        train, test: {output name: curve}.
    """

    loss: list = field(default_factory=list)
    rate: list = field(default_factory=list)
    train: dict = field(default_factory=dict)
    test: dict = field(default_factory=dict)


def read(path):
    """Returns the `TrainingLog` of a file, gzipped or not.

    A run that was stopped and went on says some iterations twice; the later line counts.

    Raises:
        DataError: no such file, or one without a single line of Caffe's.
    """
    path = pathlib.Path(path)
    try:
        with gzip.open(path, "rt", errors="replace") if path.suffix == ".gz" else open(path, errors="replace") as file:
            log = _parse(file)
    except OSError as error:
        raise DataError(f"cannot read log {path}", got=error.strerror or str(error)) from error
    if not (log.loss or log.test):
        raise DataError(f"no training log: {path}", want='lines such as "Iteration 100, loss = 0.2"')
    return log


def _parse(lines):
    curves = {}
    iteration = 0
    for line in lines:
        if match := _ITERATION.search(line):
            iteration = int(match[1])
            for key, pattern in (("loss", _LOSS), ("rate", _RATE)):
                if found := pattern.search(line):
                    curves.setdefault((key,), {})[iteration] = float(found[1])
        elif match := _OUTPUT.search(line):
            curves.setdefault((match[1].lower(), match[2]), {})[iteration] = float(match[3])
    log = TrainingLog()
    for key, points in curves.items():
        curve = sorted(points.items())
        if len(key) == 1:
            setattr(log, key[0], curve)
        else:
            getattr(log, key[0])[key[1]] = curve
    return log
