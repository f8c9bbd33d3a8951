"""How many of the prototxt files in some directories the doctor calls sound, and what stops the others; a table.

python -m benchmarks.doctor DIRECTORY ...     one row a directory
"""

import collections
import pathlib
import re
import sys
import traceback

from zoo.errors import ZooError
from zoo.inspection.examine import examine


def survey(folder):
    """Returns (files, sound, refused, unreadable, tracebacks, Counter of what stops, the traceback's files)."""
    count, stops, broken = collections.Counter(), collections.Counter(), []
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if not path.is_file() or not re.search(r"\.(prototxt|pt)(\.txt)?$", path.name):
            continue
        count["files"] += 1
        try:
            report = examine(path)
        except ZooError:
            count["unreadable"] += 1
            continue
        except Exception:
            count["tracebacks"] += 1
            broken.append((path, traceback.format_exc(limit=-2)))
            continue
        count["sound" if report.sound else "refused"] += 1
        stops.update({_kind(each) for each in report.findings if each.kind == "stops"})
    return count, stops, broken


def _kind(finding):
    """What stops a file, without the names in it."""
    what = re.sub(r'"[^"]*"|\(.*', "...", finding.what) if "unknown layer type" not in finding.what else finding.what
    return re.sub(r"\s+", " ", what.partition(" (")[0])[:90]


def main():
    """Prints the table, then what stops most files, then tracebacks; returns 1 if there is one."""
    print("| directory | files | would run | would not | no text | tracebacks |\n|---|---|---|---|---|---|")
    total, stops, broken = collections.Counter(), collections.Counter(), []
    for folder in sys.argv[1:]:
        count, more, bad = survey(folder)
        names = ("files", "sound", "refused", "unreadable", "tracebacks")
        print(f"| {pathlib.Path(folder).name} | {' | '.join(str(count[name]) for name in names)} |", flush=True)
        total.update(count)
        stops.update(more)
        broken += bad
    print(f"| all | {' | '.join(str(total[name]) for name in names)} |\n\n| what stops | files |\n|---|---|")
    for what, files in stops.most_common(40):
        print(f"| {what} | {files} |")
    for path, text in broken:
        print(f"\n{path}\n{text}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
