"""The runs of a sweep, each a process of zoo.train of its own: what they note, and how they compare. No flags here."""

import csv
import io
import json
import math
import re
import shutil
import signal
import subprocess
import sys
import time

from zoo import command
from zoo.errors import OutputError
from zoo.formats import atomic

LOG, _NOTE, _HPARAMS = "sweep.log", "sweep.json", "hparams"
_SCORE = re.compile(r"^  test (.+) = (\S+) \(after \d+ iterations\)$", re.M)
_CONVERT = re.compile(r"^  convert: +(.+)$", re.M)
_HIGH, _LOW = re.compile(r"acc|top.?\d|map\b|eval|precision|recall", re.I), re.compile(r"loss|error", re.I)


def noted(run_dir, words):
    """Returns what a run that is done, with the same flags, has noted; else None."""
    try:
        found = json.loads((run_dir / _NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("flags") == words and "scores" in found else None


def run(run_dir, words):
    """Trains once in a process of its own; returns its note: scores, or an error, or that it was stopped.

    What an earlier run of the directory has given to HParams goes: its scores are no longer those of the run.

    Raises:
        OutputError: the directory cannot be made or written.
    """
    begun, path = time.monotonic(), run_dir / LOG
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        log = path.open("wb")
    except OSError as error:
        raise OutputError(f"cannot write in the run directory {run_dir}", got=error.strerror) from None
    shutil.rmtree(run_dir.parent / _HPARAMS / run_dir.name, ignore_errors=True)
    with (
        log,
        subprocess.Popen(
            [sys.executable, "-m", "zoo.train", *words, f"--run_dir={run_dir}"], stdout=subprocess.PIPE, stderr=log
        ) as process,
    ):
        try:
            said = process.communicate()[0].decode("utf-8", "replace")
        except KeyboardInterrupt:  # a terminal has sent it to the run as well; the run takes a snapshot and ends
            process.send_signal(signal.SIGINT)
            process.communicate()
            return {"stopped": True}
    if process.returncode:
        return {"error": _last_error(path, process.returncode)}
    if not said.startswith("Done"):
        return {"stopped": True}
    scores = {name: float(value) for name, value in _SCORE.findall(said)}
    note = {"flags": words, "scores": scores, "seconds": round(time.monotonic() - begun, 1)}
    if convert := _CONVERT.search(said):
        note["convert"] = convert[1]
    with atomic.replacing(run_dir / _NOTE, OutputError) as file:
        file.write(json.dumps(note).encode())
    return note


def _last_error(log, code):
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return errors[-1] if errors else f"exit code {code}, see {log}"


def left(spent, runs):
    """Returns how long is left, in words, by what the runs so far have taken."""
    if not spent:
        return ""
    seconds = sum(spent) / len(spent) * runs
    return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"


def outcome(note):
    """Returns what a run has given, in a line."""
    if "error" in note:
        return f"FAILED: {note['error']}"
    scores = ", ".join(f"{name} = {value:.4f}" for name, value in note["scores"].items()) or "no test"
    return f"{scores} ({note['seconds']:.0f} s)"


def best(notes, counts="accuracy"):
    """Returns (trial, test output, its value, "highest" or "lowest") of the best run; None where no score says which.

    The output that decides is `counts`, where the runs have it, else the first accuracy, else the first loss; an
    accuracy is best where it is highest, a loss where it is lowest. Of equal runs the first.
    """
    names = dict.fromkeys(name for note in notes.values() for name in note.get("scores", ()))
    known = {name: way for name in names if (way := _way(name))}
    order = sorted(known, key=lambda name: (name != counts, known[name] != "highest"))
    for name in order:
        found = {trial: note.get("scores", {}).get(name, math.nan) for trial, note in notes.items()}
        found = {trial: value for trial, value in found.items() if math.isfinite(value)}
        if found:
            trial = (max if known[name] == "highest" else min)(found, key=lambda each: found[each])
            return trial, name, found[trial], known[name]
    return None


def _way(name):
    """Returns whether a test output is best "highest" or "lowest", by the last part of its name; None if unknown."""
    last = name.partition(" (")[0].rpartition("/")[2]
    return "highest" if _HIGH.search(last) else "lowest" if _LOW.search(last) else None


def rows(notes):
    """Returns the table as lists of str, its head first: swept values, scores, seconds and error of each run."""
    names = list(dict.fromkeys(name for trial in notes for name in trial.values))
    scores = list(dict.fromkeys(name for note in notes.values() for name in note.get("scores", ())))
    rows = [[*names, *scores, "seconds", "error"]]
    for trial, note in notes.items():
        found = note.get("scores", {})
        cells = [*(trial.values[name] for name in names), *(str(found.get(name, "")) for name in scores)]
        rows.append([*cells, str(note.get("seconds", "")), note.get("error", "")])
    return rows


def write_csv(path, rows):
    """Writes `rows` as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    with atomic.replacing(path, OutputError) as file:
        file.write(text.getvalue().encode())


def table(rows):
    """Returns the lines of `rows` as people read them."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]) - 1)]
    return ["  ".join([*map(str.rjust, row, widths), row[-1]]).rstrip() for row in rows]


def write_hparams(folder, notes):
    """Writes for TensorBoard's HParams, in `folder`/hparams, the swept values of each run, with its scores as metrics.

    They have a tree of their own, since what a run has written next to its curves knows no fields of layers. It holds
    the runs of the table and no others: what an earlier sweep of the same directory has left in it goes.
    """
    tree = folder / _HPARAMS
    scored = {trial.name: trial for trial, note in notes.items() if "scores" in note}
    there = {path.name for path in tree.iterdir()} if tree.is_dir() else set()
    for name in there - scored.keys():
        shutil.rmtree(tree / name, ignore_errors=True)
    todo = [trial for name, trial in scored.items() if name not in there]
    if not todo:
        return
    tf = command.quiet_tensorflow()
    from tensorboard.plugins.hparams import api

    for trial in todo:
        with tf.summary.create_file_writer(str(tree / trial.name)).as_default():
            api.hparams({name: _number(value) for name, value in trial.values.items()}, trial_id=trial.name)
            for name, value in notes[trial]["scores"].items():
                tf.summary.scalar(f"test/{name}", value, step=0)


def _number(text):
    try:
        return float(text)
    except ValueError:
        return text
