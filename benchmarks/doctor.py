"""How many of the prototxt files of some repositories the doctor calls sound, and what stops the others; a table.

python -m benchmarks.doctor FOLDER     one row for each directory in FOLDER, by its name: "owner+name" is owner/name

The columns: files that would run as they are; that would with the --fork that the doctor's cure names; that need only
leave for the repository's own Python layers; that are neither net nor solver, such as label maps; and all others.
Exit code 1: some file ended in a traceback.
"""

import collections
import pathlib
import re
import traceback

from zoo import command
from zoo.errors import ZooError
from zoo.inspection.examine import examine
from zoo.inspection.finding import STOPS
from zoo.netdef import forks

NAME = re.compile(r"\.(prototxt|pt)(\.txt)?$")
COLUMNS = ("files", "would run", "with --fork", "with its Python", "no net", "would not")
_NO_NET = "neither a net nor a solver"
_PYTHON = "would run the class"


def survey(folder):
    """Returns (Counter of `COLUMNS`, Counter of what stops files, [(path, traceback)]) of a directory."""
    count, stops, broken = collections.Counter(), collections.Counter(), []
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if not path.is_file() or not NAME.search(path.name):
            continue
        count["files"] += 1
        try:
            kind, what = _kind(path)
        except Exception:  # what is not a ZooError is what this looks for
            broken.append((path, traceback.format_exc(limit=-2)))
            continue
        count[kind] += 1
        stops.update(what)
    return count, stops, broken


def _kind(path):
    """Returns (the column of a file, the set of what stops it)."""
    try:
        report = examine(path)
    except ZooError:
        return "no net", set()
    if report.sound:
        return "would run", set()
    stops = [each for each in report.findings if each.kind == STOPS]
    if all(_NO_NET in each.what for each in stops):
        return "no net", set()
    named = re.findall(r"--fork=([\w|]+)", " ".join(f"{each.what} {each.cure}" for each in report.findings))
    if any(_sound_with(path, name) for name in set("|".join(named).split("|")) & set(forks.all_variants())):
        return "with --fork", set()
    python = all(_PYTHON in each.what for each in stops)
    return "with its Python" if python else "would not", {_without_names(each) for each in stops}


def _sound_with(path, fork):
    try:
        forks.ask([fork])
        return examine(path).sound
    except ZooError:
        return False
    finally:
        forks.ask([])


def _without_names(finding):
    what = re.sub(r'"[^"]*"|\(.*', "...", finding.what) if "unknown layer type" not in finding.what else finding.what
    return re.sub(r"\s+", " ", re.sub(r", which is not.*", "", what).partition(" (")[0])[:110]


def main(folder=""):
    """Prints the table, then what stops most files, then tracebacks; returns 1 if there is one."""
    if not pathlib.Path(folder or "/none").is_dir():
        raise ZooError("FOLDER", got=folder or None, want="a directory with one directory for each repository")
    print(f"| repository | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 1)}")
    total, stops, broken = collections.Counter(), collections.Counter(), []
    for directory in sorted(path for path in pathlib.Path(folder).iterdir() if path.is_dir()):
        count, more, bad = survey(directory)
        print(f"| {directory.name.replace('+', '/')} | {_cells(count)} |", flush=True)
        total.update(count)
        stops.update(more)
        broken += bad
    print(f"| all | {_cells(total)} |\n\n| what stops | files |\n|---|---|")
    for what, files in stops.most_common(20):
        print(f"| {what} | {files} |")
    for path, text in broken:
        print(f"\n{path}\n{text}")
    return 1 if broken else 0


def _cells(count):
    return " | ".join(str(count[name]) for name in COLUMNS)


if __name__ == "__main__":
    command.run(main, arguments=1)
