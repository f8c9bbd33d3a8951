"""Says where a Caffe file is from, what would stop it here, and where it means something else than it seems to.

  python -m zoo.doctor deploy.prototxt
  python -m zoo.doctor deploy.prototxt net.caffemodel               also which blobs fit no layer
  python -m zoo.doctor deploy.prototxt --fix --output=mended.prototxt
  python -m zoo.doctor solver.prototxt --json

FILE is a net or a solver (prototxt) of whichever Caffe, or the name of a packaged config; WEIGHTS a .caffemodel or
.caffemodel.h5 to hold against the net.

Nothing is built and no data is opened. The exit code is 0 where the file would run here, 1 where it would not.
"""

from absl import flags

from zoo import command, config_flag, user_code
from zoo.errors import OutputError, ZooError

FIX = flags.DEFINE_bool("fix", False, "Write the text with every cure that an edit can be, to --output.")
OUTPUT = flags.DEFINE_string("output", None, "With --fix: the file to write; never the one that is read.")
ONLY = flags.DEFINE_list("only", [], "With --fix: the rules to mend, as they stand in brackets; by default all.")
JSON = flags.DEFINE_bool("json", False, "Print one JSON object instead of text.")


def main(file=None, weights=None):
    """Prints the report, and writes the mended text; returns 1 where the file would not run."""
    if file is None:
        raise ZooError("which file?", want="python -m zoo.doctor FILE [WEIGHTS]", hint="see --help")
    user_code.load()
    from zoo.inspection.examine import examine
    from zoo.inspection.report import as_json, as_text

    if FIX.value != bool(OUTPUT.value):
        raise ZooError("--fix and --output go together", hint="--fix --output=mended.prototxt")
    report = examine(config_flag.find(file), weights, tuple(ONLY.value))
    print(as_json(report) if JSON.value else as_text(report))
    if FIX.value:
        _write(report)
    return 0 if report.sound else 1


def _write(report):
    import os

    from zoo.formats import atomic

    if os.path.exists(OUTPUT.value) and os.path.samefile(OUTPUT.value, report.file):
        raise OutputError("--output is the file that is read", got=OUTPUT.value, want="another name")
    with atomic.replacing(OUTPUT.value, OutputError) as file:
        file.write(report.mended.encode())
    if not JSON.value:
        done = sorted({f.rule for f in report.findings if f.edits and (not ONLY.value or f.rule in ONLY.value)})
        print(f"\nwrote {OUTPUT.value}, mended: {', '.join(done) or 'nothing'}")


if __name__ == "__main__":
    command.run(main, arguments=2)
