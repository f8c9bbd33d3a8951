"""What a scenario is, what it counts, and the table of all."""

import contextlib
import dataclasses
import functools
import importlib
import pathlib
import pkgutil
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable

import benchmarks.faults


class Skip(Exception):
    """A scenario that this machine does not allow; says why."""


@dataclasses.dataclass
class Row:
    """One line of the table: what was tried and how it ended.

    Attributes:
        name: what was tried; the scenario's own line where it is None.
        equals, errors: how many tries ended bit-equal, and with one clean error.
        bad: a line for each try that ended otherwise.
        worst: seconds that the slowest took.
    """

    name: str | None = None
    equals: int = 0
    errors: int = 0
    bad: list = dataclasses.field(default_factory=list)
    worst: float = 0.0

    @property
    def tried(self):
        """How many tries there were."""
        return self.equals + self.errors + len(self.bad)

    def equal(self, seconds, times=1):
        """Counts `times` tries that ended bit-equal."""
        self.equals += times
        self.worst = max(self.worst, seconds)

    def error(self, seconds, why_not=None):
        """Counts a try that ended with one clean error, or, given `why_not`, with something worse."""
        if why_not:
            self.wrong(seconds, why_not)
        else:
            self.errors += 1
            self.worst = max(self.worst, seconds)

    def wrong(self, seconds, why, times=1):
        """Counts `times` tries that ended as none may."""
        self.bad += [why] * times
        self.worst = max(self.worst, seconds)


def one_error(returncode, stderr):
    """Returns what is wrong with how a command failed, or None where it said one error and no traceback."""
    said = re.findall(r"^error: ", stderr, re.MULTILINE)
    if "Traceback" in stderr:
        return f"a traceback, exit code {returncode}: ...{stderr.strip()[-400:]}"
    if returncode < 0:
        return f"died of signal {-returncode}: ...{stderr.strip()[-400:]}"
    if returncode == 0:
        return "exit code 0 though something else came out"
    if len(said) != 1:
        return f"{len(said)} errors are said, exit code {returncode}: ...{stderr.strip()[-400:]}"
    return None


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A function that tries a fault, under its name `family.function`."""

    name: str
    run: Callable
    count: int

    @property
    def says(self):
        """Its line in the table."""
        return self.run.__doc__.strip().splitlines()[0].rstrip(".")


_SCENARIOS = []
HEADS = (
    "| scenario | what | tried | bit-equal | clean error | BAD | worst, s | all, s |",
    "|---|---|---|---|---|---|---|---|",
)


def scenario(count):
    """Registers the decorated `function(campaign)`, which returns a `Row` or a list of them; tries `count` times."""

    def register(function):
        _SCENARIOS.append(Scenario(f"{function.__module__.rpartition('.')[2]}.{function.__name__}", function, count))
        return function

    return register


def scenarios():
    """Returns every `Scenario` of every family."""
    for found in pkgutil.iter_modules(benchmarks.faults.__path__):
        if found.name != "__main__":
            importlib.import_module(f"benchmarks.faults.{found.name}")
    return sorted(_SCENARIOS, key=lambda scenario: scenario.name)


class Campaign:
    """What a scenario is given.

    Attributes:
        count: how often to try at most; see `tries` and `late`.
        rng: a `random.Random`, the same for the same seed and scenario.
        folder: an empty directory, gone afterwards.
        stack: an ExitStack, closed afterwards.
    """

    def __init__(self, scenario, count, seed, folder, stack, seconds, server):
        self.count, self.folder, self.stack = count or scenario.count, pathlib.Path(folder), stack
        self._name, self._began = scenario.name, time.monotonic()
        self._deadline = None if seconds is None else self._began + seconds
        self.rng = random.Random(f"{seed} {scenario.name}")
        self._server = server

    @property
    def late(self):
        """Whether the scenario's share of `--seconds` is over."""
        return self._deadline is not None and time.monotonic() > self._deadline

    def tries(self):
        """Yields 0, 1, ... `count - 1`, fewer where time is over, but one at least."""
        for number in range(self.count):
            if number and self.late:
                return
            self.progress(number)
            yield number

    def progress(self, done):
        """Says on stderr how many tries are done: under load a row takes many minutes."""
        seconds = time.monotonic() - self._began
        print(f"{self._name}: {done} of {self.count} tries after {seconds:.0f} s", file=sys.stderr, flush=True)

    @property
    def server(self):
        """The `ForkServer` that all scenarios share; it does no more than to start processes."""
        return self._server()


def _server():
    from tests.training.fork_server import ForkServer

    return ForkServer()


def kept(path):
    """Returns (function that says a line and appends it to the file at `path`, names of the scenarios that are in it).

    So a matrix that is broken off goes on with the same command. A scenario that was skipped is tried again.
    """
    path = pathlib.Path(path)
    lines = path.read_text().splitlines() if path.exists() else []

    def say(line):
        print(line, flush=True)
        if not (lines and line.startswith(HEADS)):
            with open(path, "a", encoding="utf-8") as file:
                file.write(f"{line}\n")

    return say, {line.split(" | ")[0].removeprefix("| ") for line in lines if "| skipped: " not in line}


def run(chosen, count=None, seed=0, say=print, seconds=None):
    """Runs scenarios one after another and says the table's rows as they come.

    Args:
        chosen: the `Scenario`s.
        count: how often each tries; None for each one's own number.
        seed: of what is random.
        say: where lines go.
        seconds: of all scenarios together, shared out by how often each tries and passed on where one needs less; a
            try that has begun is finished. None for no limit.

    Returns:
        How many tries were BAD.
    """
    for line in HEADS:
        say(line)
    bad, end = [], time.monotonic() + (seconds or 0)
    with contextlib.ExitStack() as until_all_are_done:
        server = functools.cache(lambda: until_all_are_done.enter_context(_server()))
        for number, each in enumerate(chosen):
            began = time.monotonic()
            share = seconds and max(end - began, 0) * each.count / sum(later.count for later in chosen[number:])
            try:
                with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
                    rows = each.run(Campaign(each, count, seed, folder, stack, share, server))
            except Skip as why:
                say(f"| {each.name} | {each.says} | skipped: {why} | | | | | |")
                continue
            except Exception as error:  # the scenario itself broke, which must not hide the others
                rows = Row()
                rows.wrong(time.monotonic() - began, f"the scenario broke: {type(error).__name__}: {error}")
            for row in [rows] if isinstance(rows, Row) else rows:
                ends = f"{row.tried} | {row.equals} | {row.errors} | {len(row.bad)}"
                took = f"{row.worst:.1f} | {time.monotonic() - began:.0f}"
                say(f"| {each.name} | {row.name or each.says} | {ends} | {took} |")
                bad += [f"BAD {each.name}: {why}" for why in row.bad]
    for line in bad:
        say(line)
    return len(bad)
