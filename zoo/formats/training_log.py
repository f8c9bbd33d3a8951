"""Reads training logs in Caffe's form, Caffe's own and ours alike, into plain numbers (as tools/extra/parse_log.py)."""

import contextlib
import gzip
import os
import pathlib
import re
import zlib
from dataclasses import dataclass, field

from zoo.errors import DataError, Place
from zoo.formats import limits, regular

LONGEST_LINE = 1 << 20  # bytes; what is longer is cut, for no line of Caffe's is
MAX_ITERATION = 2**31 - 1

# Each is matched at one place of a line, never searched for: the time that a line takes is proportional to its length.
_BEGIN = re.compile(r"\] *(?=Iteration \d|Train net output #|Test net output #)", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan|inf)", re.ASCII)
_ITERATION = re.compile(r"Iteration (\d+)(?=([ ,])?)", re.ASCII)
_RATE = re.compile(rf", lr = ({_NUMBER.pattern})", re.ASCII)
_OUTPUT = re.compile(r"(Train|Test) net output #\d+: (\S+) = ", re.ASCII)


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
        DataError: no such file, one without a single line of Caffe's, an iteration that none can be, or a gzip archive
            that is damaged or unpacks to more than the limit.
    """
    path = pathlib.Path(path)
    place = Place(str(path))
    try:
        with contextlib.ExitStack() as stack:
            file, stored = stack.enter_context(regular.open_binary(path)), None
            if file.peek(2)[:2] == b"\x1f\x8b":
                stored = os.fstat(file.fileno()).st_size
                file = stack.enter_context(gzip.GzipFile(fileobj=file))
            log = _parse(_lines(file, stored, place), place)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read log {path}", got=getattr(error, "strerror", None) or str(error)) from error
    if not (log.loss or log.test):
        raise DataError(f"no training log: {path}", want='lines such as "Iteration 100, loss = 0.2"')
    return log


def _lines(file, stored, place):
    """Yields (number, text) of each line, cut at `LONGEST_LINE`; `stored` is the size of a gzip archive, else None."""
    total, number, begins = 0, 0, True
    while piece := file.readline(LONGEST_LINE):
        total += len(piece)
        if stored is not None:
            limits.check_unpacked(total, stored, DataError, "a gzip archive that unpacks to more", place)
        if begins:
            number += 1
            yield number, piece.decode("utf-8", "replace")
        begins = piece.endswith(b"\n")


def _parse(lines, place):
    curves = {}
    iteration = 0
    for number, line in lines:
        begin = _BEGIN.search(line)
        if not begin:
            continue
        if match := _ITERATION.match(line, begin.end()):
            iteration = _iteration(match[1], place, number)
            loss = line.rfind("loss = ", match.end()) if match[2] else -1
            if loss >= 0 and (value := _NUMBER.match(line, loss + len("loss = "))):
                curves.setdefault(("loss",), {})[iteration] = float(value[0])
            if value := _RATE.match(line, match.end()):
                curves.setdefault(("rate",), {})[iteration] = float(value[1])
        elif (match := _OUTPUT.match(line, begin.end())) and (value := _NUMBER.match(line, match.end())):
            curves.setdefault((match[1].lower(), match[2]), {})[iteration] = float(value[0])
    log = TrainingLog()
    for key, points in curves.items():
        curve = sorted(points.items())
        if len(key) == 1:
            setattr(log, key[0], curve)
        else:
            getattr(log, key[0])[key[1]] = curve
    return log


def _iteration(digits, place, line):
    if len(digits) > 10 or int(digits) > MAX_ITERATION:
        got = digits[:20] + ("..." if len(digits) > 20 else "")
        raise DataError("no iteration of Caffe's", at=Place(place.file, line), got=got, want=f"at most {MAX_ITERATION}")
    return int(digits)
