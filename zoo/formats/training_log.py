"""Reads training logs in Caffe's form, Caffe's own and ours alike, into plain numbers (as tools/extra/parse_log.py)."""

import contextlib
import datetime
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
_BEGIN = re.compile(r"\] *(?=Iteration \d|Train net output #|Test net output #|Solving )", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan|inf)", re.ASCII)
_ITERATION = re.compile(r"Iteration (\d+)(?=([ ,])?)", re.ASCII)
_RATE = re.compile(rf", lr = ({_NUMBER.pattern})", re.ASCII)
_OUTPUT = re.compile(r"(Train|Test) net output #(\d{1,9}): (\S+) = ", re.ASCII)
_TESTING = re.compile(r", Testing net \(#(\d{1,9})\)", re.ASCII)
_TIME = re.compile(r"[IWEF](\d{4})?(\d\d)(\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?) ", re.ASCII)  # glog's, old and new


@dataclass
class TrainingLog:
    """What a log says. Each curve is a list of (iteration, value).

    Attributes:
        loss: the displayed, smoothed loss.
        rate: the learning rate.
        train, test: {output name: curve}; outputs of a second and later test net are called "net1:NAME" and so on.
        seconds: {kind: {iteration: seconds since the line "Solving"}}, where lines say the time. The kinds are "loss",
            "train" and "test", by their first line, and "testing", by the line before a test.
    """

    loss: list = field(default_factory=list)
    rate: list = field(default_factory=list)
    train: dict = field(default_factory=dict)
    test: dict = field(default_factory=dict)
    seconds: dict = field(default_factory=dict)


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
            year = datetime.date.fromtimestamp(os.fstat(file.fileno()).st_mtime).year
            log = _parse(_lines(file, stored, place), place, _Clock(year))
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


class _Clock:
    """Tells the seconds between the line "Solving", or the first line where there is none, and later ones.

    Older glogs do not say the year: it is the file's, and the next where the month falls (extract_seconds.py).
    """

    def __init__(self, year):
        self._year, self._month, self._begin = year, 0, None

    def seconds(self, line, end):
        """Returns the seconds at which a line was written, or None where its first `end` characters say no time."""
        match = _TIME.search(line, 0, end)
        if match is None:
            return None
        year, month, day, time = match.groups()
        self._year += int(month) < self._month
        self._month = int(month)
        try:
            now = datetime.datetime.fromisoformat(f"{int(year or self._year):04}-{month}-{day} {time.ljust(8)}")
        except ValueError:
            return None
        self._begin = self._begin or now
        return (now - self._begin).total_seconds()

    def start(self):
        """Makes the next line with a time the one from which is counted."""
        self._begin = None


def _parse(lines, place, clock):
    log = _Parser(clock)
    for number, line in lines:
        if begin := _BEGIN.search(line):
            log.take(line, begin, Place(place.file, number))
    return log.result()


class _Parser:
    def __init__(self, clock):
        self._clock, self._solving = clock, False
        self._iteration, self._prefix, self._now = 0, "", None
        self._curves, self._seconds = {}, {}

    def take(self, line, begin, place):
        """Notes what a line says from the match `begin` on."""
        at = begin.end()
        if line.startswith("Solving ", at) and not self._solving:
            self._solving = True
            self._clock.start()
        self._now = self._clock.seconds(line, begin.start())
        if match := _ITERATION.match(line, at):
            self._iteration = _iteration(match[1], place)
            loss = line.rfind("loss = ", match.end()) if match[2] else -1
            if loss >= 0 and (value := _NUMBER.match(line, loss + len("loss = "))):
                self._note(("loss",), value[0])
                self._time("loss")
            if value := _RATE.match(line, match.end()):
                self._note(("rate",), value[1])
            if testing := _TESTING.match(line, match.end()):
                self._prefix = f"net{testing[1]}:" if int(testing[1]) else ""
                self._time("testing")
        elif (match := _OUTPUT.match(line, at)) and (value := _NUMBER.match(line, match.end())):
            kind = match[1].lower()
            prefix = self._prefix if kind == "test" else ""
            self._note((kind, prefix + match[3]), value[0])
            if not int(match[2]) and not prefix:
                self._time(kind)

    def _note(self, key, value):
        self._curves.setdefault(key, {})[self._iteration] = float(value)

    def _time(self, kind):
        if self._now is not None:
            self._seconds.setdefault(kind, {})[self._iteration] = self._now

    def result(self):
        """Returns the `TrainingLog`."""
        log = TrainingLog(seconds=self._seconds)
        for key, points in self._curves.items():
            curve = sorted(points.items())
            if len(key) == 1:
                setattr(log, key[0], curve)
            else:
                getattr(log, key[0])[key[1]] = curve
        return log


def _iteration(digits, place):
    if len(digits) > 10 or int(digits) > MAX_ITERATION:
        got = digits[:20] + ("..." if len(digits) > 20 else "")
        raise DataError("no iteration of Caffe's", at=place, got=got, want=f"at most {MAX_ITERATION}")
    return int(digits)
