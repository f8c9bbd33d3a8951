"""Says where a Caffe file is from, what would stop it here, and where it means something else than it seems to.

  python -m zoo.doctor deploy.prototxt
  python -m zoo.doctor deploy.prototxt net.caffemodel               also which blobs fit no layer
  python -m zoo.doctor deploy.prototxt --fix --output=mended.prototxt
  python -m zoo.doctor solver.prototxt --json

FILE is a net or a solver (prototxt) of whichever Caffe, or the name of a packaged config; WEIGHTS a .caffemodel or
.caffemodel.h5 to hold against the net.

Nothing is built and no data is opened. The exit code is 0 where the file would run here, 1 where it would not.
"""

import pathlib

from absl import flags

from zoo import command, config_flag, user_code
from zoo.errors import OutputError, ZooError
from zoo.report import Report

FIX = flags.DEFINE_bool("fix", False, "Write the text with every cure that an edit can be, to --output.")
OUTPUT = flags.DEFINE_string("output", None, "With --fix: the file to write; never the one that is read.")
ONLY = flags.DEFINE_list("only", [], "With --fix: the rules to mend, as they stand in brackets; by default all.")


def main(file=None, weights=None):
    """Examines the file and writes the mended text; returns what was found, with code 1 where it would not run."""
    if file is None:
        raise ZooError("which file?", want="python -m zoo.doctor FILE [WEIGHTS]", hint="see --help")
    user_code.load()
    from zoo.inspection.examine import examine
    from zoo.inspection.report import as_plain, as_text

    if FIX.value != bool(OUTPUT.value):
        raise ZooError("--fix and --output go together", hint="--fix --output=mended.prototxt")
    found = examine(config_flag.find(file), weights, tuple(ONLY.value))
    report = Report(code=0 if found.sound else 1).text(as_text(found))
    report.more |= as_plain(found)
    if FIX.value:
        _write(found)
        done = sorted({f.rule for f in found.findings if f.edits and (not ONLY.value or f.rule in ONLY.value)})
        report.text("").made("mended", OUTPUT.value, f"{OUTPUT.value} ({', '.join(done) or 'nothing to mend'})")
        report.then("look again", "zoo.doctor", OUTPUT.value, *([weights] if weights else []), *user_code.given())
        return report
    return _next(report, found, file, weights)


def _next(report, found, file, weights):
    """Adds what to do with the file: mend it, or use it; nothing where neither can be done."""
    stem, given = pathlib.Path(found.file).stem, user_code.given()
    mends = any(each.edits for each in found.findings)
    if not (mends or found.sound):
        return report
    report.text("")
    if mends:
        again = [file, *([weights] if weights else []), *given]
        return report.then("mend", "zoo.doctor", *again, "--fix", f"--output={stem}_mended.prototxt")
    if weights:
        words = [f"--config={file}", f"--weights={weights}", *given, f"--output={stem}.onnx", "--verify"]
        return report.then("convert", "zoo.convert", *words)
    if found.generation.startswith("a solver"):
        return report.then("train", "zoo.train", f"--config={file}", *given)
    return report.then("draw", "zoo.draw", file, f"{stem}.svg", *given)


def _write(found):
    import os

    from zoo.formats import atomic

    if os.path.exists(OUTPUT.value) and os.path.samefile(OUTPUT.value, found.file):
        raise OutputError("--output is the file that is read", got=OUTPUT.value, want="another name")
    with atomic.replacing(OUTPUT.value, OutputError) as file:
        file.write(found.mended.encode())


if __name__ == "__main__":
    command.run(main, arguments=2)
