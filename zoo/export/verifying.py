"""What --verify does and says: each written file is checked or run, and compared with the reference."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo import command
from zoo.export.tables import table, verdicts
from zoo.export.targets.base import Absent
from zoo.progress import waiting

DIFFERS = 2  # the exit code
IMAGES = 8  # of --images, for a net that takes any number: the reference takes seconds for each
RUNS, SECONDS = 9, 1.0  # a reader is timed by the median of so many runs, or of as many as take so long


@dataclass(frozen=True)
class Line:
    """One reader's line in the table of all.

    Attributes:
        path: of the target.
        by: the reader; "" where the file is not run but checked.
        output: the blob that differs most.
        relative: by how much, in parts of its largest value; None where nothing was compared.
        size: bytes of the files written.
        milliseconds: median of a run; None where it was not run.
        verdict: what it comes to.
    """

    path: str
    by: str
    output: str = ""
    relative: float | None = None
    size: int = 0
    milliseconds: float | None = None
    verdict: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a verification comes to.

    Attributes:
        code: the exit code.
        text: "verified" or "NOT verified", and why not or within what.
        lines: the `Line`s of the table of all.
    """

    code: int
    text: str
    lines: list[Line]


def run(written, conversion, request):
    """Verifies what was written of a `Conversion` and prints what was found; returns the `Outcome`.

    Its code is 0 where every target was checked, or compared by at least one reader, nothing that decides differs, and
    every reader that was asked for by name could run its file.

    Args:
        written: {target: what it has `Written`}.
        conversion: the `Conversion`.
        request: the `Request`.
    """
    trials = _trials(written, conversion, request)
    lines, right, unseen, failed, rows = [], True, [], [], []
    for target, files in written.items():
        size = size_of(files.paths)
        checked, readers = target.check(conversion), target.readers(conversion)
        if checked is not None:
            print(f"verify {target.path}")
            print("".join(f"  {line}\n" for line in checked.lines), end="")
            lines.append(Line(target.path, "", size=size, verdict="checked" if checked.right else "DIFFERS"))
            right = right and checked.right
        seen = checked is not None
        for reader in readers:
            tolerance = request.tolerance if request.tolerance is not None else target.allowed()
            for trial in trials:
                print(f"verify {target.path}{'' if len(readers) == 1 else f' in {reader.name}'}{trial.said}")
                try:
                    good, found, milliseconds = compare(trial.comparison, reader, tolerance)
                except Absent as absent:
                    verdict = f"{'FAILED' if reader.asked else 'not checked'}: {absent}"
                    print(f"  {verdict}")
                    lines.append(Line(target.path, reader.name, size=size, verdict=verdict))
                    failed += [f"{target.path} in {reader.name}"] if reader.asked else []
                    break
                seen, right, rows = seen or reader.decides, right and (good or not reader.decides), [*rows, *found]
                worst = max((row for row in found if row.by.startswith("NumPy")), key=lambda row: row.relative)
                found_by, verdict = f"{reader.name}{trial.said}", verdict_of(good, reader, found)
                lines.append(Line(target.path, found_by, worst.output, worst.relative, size, milliseconds, verdict))
        if not seen:
            unseen.append(target.path)
    for trial in trials:
        trial.say_doubts(conversion, rows)
    if any(line.milliseconds is not None for line in lines):
        items = "; ".join(dict.fromkeys(trial.items for trial in trials))
        print(f"\n{chr(10).join(summary(lines))}\nms: median of a run of {items}, on {os.cpu_count()} cores")
    return Outcome(*_end(right, unseen, failed, rows, written, request), lines)


def size_of(paths):
    """Returns the bytes of files and directories, descriptions (.json) left out."""
    files = [file for path in paths for file in ([Path(path)] if Path(path).is_file() else Path(path).rglob("*"))]
    return sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".json")


def summary(lines):
    """Returns the lines of the table of all readers."""
    texts = [
        [
            line.path,
            line.by or "-",
            line.output or "-",
            "-" if line.relative is None else f"{line.relative:.2e}",
            f"{line.size / 1e6:.3f}",
            "-" if line.milliseconds is None else f"{line.milliseconds:.2f}",
            line.verdict,
        ]
        for line in lines
    ]
    return table(["file", "run by", "worst output", "relative", "MB", "ms", "verdict"], texts, right=(3, 4, 5))


class _Trial:
    """Inputs on which all readers are compared; what is compared with is computed when it is first needed."""

    def __init__(self, conversion, inputs, said, one_size):
        self._conversion, self._inputs, self.said, self._one_size = conversion, inputs, said, one_size
        self._comparison = None

    @property
    def comparison(self):
        if self._comparison is None:
            tf = command.quiet_tensorflow()
            from zoo.export.verify import Comparison

            tf.config.experimental.enable_tensor_float_32_execution(False)  # a GPU's short cut, good to 1e-3 only
            batch = None if self._one_size else 2
            with waiting("Computing with the reference implementation"):
                self._comparison = Comparison(self._conversion, batch=batch, inputs=self._inputs)
        return self._comparison

    @property
    def items(self):
        """How much one run is, in words."""
        shapes = [array.shape for array in self.comparison.inputs.values()]
        return ", ".join("x".join(map(str, shape)) or "one number" for shape in shapes)

    def say_doubts(self, conversion, rows):
        """Prints who was not asked, and what shows little."""
        if self._comparison is None:
            return
        from zoo.export import verify

        for reader, why in self._comparison.silent.items():
            print(f"  not compared with {reader}: {why}")
        if any(row.verdict.endswith(verify.EMPTY) for row in rows):
            print("  that no box was found shows little: compare what it comes from, with --outputs=BLOB,...")
        if any(row.verdict.endswith(verify.SAME) for row in rows):
            drawn = "" if conversion.weights or conversion.drawn else "; or give --weights or --draw_weights"
            instead = f"compare what it comes from, with --outputs=BLOB,...{drawn}"
            print(f"  an output that no input changes shows little: {instead}")
        if any(row.verdict == verify.NOTHING for row in rows) and conversion.filled:
            why = "BatchNorm's sums are 0 without weights, which blows up what follows"
            print(f"  {why}: give --weights or --draw_weights")


def _trials(written, conversion, request):
    one_size = any(target.one_size for target in written)
    trials = [_Trial(conversion, None, "", one_size)]
    if request.images:
        paths = request.images_of(request.images)
        fixed = one_size or bool(conversion.fixed)
        count = conversion.shapes[conversion.inputs[0]][0] if fixed else min(IMAGES, len(paths))
        arrays = request.prepare(conversion, paths[:count])
        arrays = {blob: np.resize(array, (count, *array.shape[1:])) for blob, array in arrays.items()}
        said = f" on {min(count, len(paths))} of {len(paths)} images in {request.images}"
        trials.append(_Trial(conversion, arrays, said, one_size))
    return trials


def compare(comparison, reader, tolerance):
    """Returns (whether what a reader computes is right, the rows of the comparison, milliseconds of a run)."""
    with waiting(f"Running {reader.name}"):
        given = reader.open()
        found = comparison.compare(given, tolerance, reader.decides)
    print("\n".join(f"  {line}" for line in verdicts(found)))
    with waiting("Comparing layer by layer"):
        instead, lines = comparison.explain(given, tolerance, found)
    if instead:
        print("  looked at again, with the reference's choices between near-equal numbers:")
        print("\n".join(f"  {line}" for line in verdicts(instead)))
    print("".join(f"  {line}\n" for line in lines), end="")
    again = {row.output for row in found if row.decides and not row.equal} if instead else set()
    right = all(row.equal for row in found if row.decides and row.output not in again)
    right = right and all(row.equal for row in instead)
    return right, [*found, *instead], _milliseconds(given, comparison.inputs) if reader.timed else None


def _milliseconds(given, inputs):
    """Returns the median of several runs, after one that was compared; a process of its own says it itself."""
    if (measured := getattr(given, "milliseconds", None)) is not None:
        return measured
    if compiled := getattr(given, "compiled", None):
        given = compiled
        given(inputs)
    seconds, began = [], time.perf_counter()
    while len(seconds) < RUNS and (not seconds or time.perf_counter() - began < SECONDS):
        start = time.perf_counter()
        given(inputs)
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds))


def verdict_of(good, reader, rows):
    """Returns what the rows of a reader come to, in words."""
    if not reader.decides:
        return "equal" if all(row.equal for row in rows) else "differs (an opinion)"
    if not good:
        return "DIFFERS"
    return "equal" if all(row.equal for row in rows if row.decides) else "equal but for choices"


def _end(right, unseen, failed, rows, written, request):
    if not right:
        allowed = sorted({target.allowed() if request.tolerance is None else request.tolerance for target in written})
        return DIFFERS, f"NOT verified within {' or '.join(f'{one:g}' for one in allowed)} of the largest value"
    if failed:
        return DIFFERS, f"NOT verified: asked for, and failed: {', '.join(failed)}"
    if unseen:
        return DIFFERS, f"NOT verified: nothing that could run it is installed: {', '.join(unseen)}"
    if rows:
        from zoo.export.verify import CHOICES
    chosen = any(row.verdict == CHOICES for row in rows)
    return 0, "verified, but for choices between near-equal numbers" if chosen else "verified"
