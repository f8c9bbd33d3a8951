"""Every config written for every target and run there: docs/targets.csv and docs/targets.md.

  python -m benchmarks.targets                           all configs that have no rows yet, small ones first
  python -m benchmarks.targets --only=lenet,alexnet      these, measured again
  python -m benchmarks.targets --readers=OpenCV          these programs alone, again, for every config that has rows
  python -m benchmarks.targets --page                    the page alone, from the CSV as it is

A config is converted with random weights, under which values keep their size from layer to layer, for batches of one.
Each file runs in the program that it is for, next to the NumPy reference; --verify of zoo.convert does the same for a
net of yours. The CSV is written after each config, so that the command may be stopped and goes on where it was.
ZOO_OPENCV names the Python whose OpenCV reads .onnx files.
"""

import contextlib
import copy
import csv
import importlib.metadata
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from absl import flags

from zoo import command
from zoo.errors import ZooError
from zoo.formats import config_header

ONLY = flags.DEFINE_list("only", [], "Names of configs.")
READERS = flags.DEFINE_list("readers", [], "Programs that run again what --only names, as the columns call them.")
PAGE = flags.DEFINE_bool("page", False, "Write the page alone.")
SECONDS = flags.DEFINE_integer("seconds", 600, "What one config may take; then it is said to be not measured.", 1)

DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs"
FIELDS = ("config", "target", "reader", "verdict", "relative", "megabytes", "ms", "note", "version")
PACKAGES = {
    "TensorFlow": "tensorflow",
    "ONNX Runtime": "onnxruntime",
    "OpenVINO": "openvino",
    "LiteRT": "ai-edge-litert",
    "JAX": "jax",
    "NumPy": "numpy",
}
# (heading, ending of the file, whether the net is folded, reader)
COLUMNS = (
    (".keras, TensorFlow", ".keras", False, "TensorFlow"),
    ("SavedModel, TensorFlow", "/", False, "TensorFlow"),
    (".onnx, ONNX Runtime", ".onnx", False, "ONNX Runtime"),
    (".onnx, OpenVINO", ".onnx", False, "OpenVINO"),
    (".onnx, OpenCV", ".onnx", False, "OpenCV"),
    (".tflite, LiteRT", ".tflite", False, "LiteRT"),
    (".stablehlo, JAX", ".stablehlo", False, "JAX"),
    ("--fold: .prototxt and .caffemodel, NumPy", ".caffemodel", True, "NumPy"),
    ("--fold: .onnx, ONNX Runtime", ".onnx", True, "ONNX Runtime"),
)

HEAD = """# One net, every runtime: what was measured

`python -m zoo.convert` writes a net for many programs, and `--verify` runs each file in its own (`pip install
'caffe-model-zoo[targets]'` has them all). This page is written by `python -m benchmarks.targets`, which does both for
every config and puts what it finds into [targets.csv](targets.csv); nobody edits it.

A cell has the worst output's largest difference from the NumPy reference, in parts of that output's largest value;
the size of what was written; and the median time of a run of one item. Weights are random, under which values keep
their size from layer to layer; outputs are scores before a softmax. What is allowed is 1e-4. Times are of two cores
that may have had other work at the time: they tell orders of magnitude, not which of two close ones is faster.
OpenCV's verdict is an opinion, as some of its layers differ from Caffe by intention; pspnet50 in OpenCV 5.0.0 gives
other numbers each time that the same file is loaded, the right ones among them. In the last two columns `--fold` has
put BatchNorm, Scale and Bias into the layers next to them, and what is compared with is the net as it was.

Not a target: TensorFlow.js. Its converter, `tensorflowjs` 4.22.0, cannot be installed next to TensorFlow 2.21: it
requires `tensorflow-decision-forests`, each release of which is for one older TensorFlow, and pip finds none for
2.21.
"""


def rows_of(name, readers=()):
    """Returns the rows of a config, a dict of texts each; at least one for every column, or for those of `readers`."""
    command.quiet_tensorflow()
    from tests.export.config_nets import CONFIGS, SHAPES, scored
    from zoo.export.folding import fold
    from zoo.export.verify import Comparison

    config, shapes = CONFIGS / f"{name}.prototxt", SHAPES.get(name, {})
    try:
        conversion = scored(config, shapes, batch=1, drawn=True)
    except ZooError:  # inputs of several sizes
        conversion = scored(config, shapes, drawn=True)
    comparison, rows = Comparison(conversion, batch=None), []
    folded, _ = fold(conversion)
    with tempfile.TemporaryDirectory() as folder:
        for is_folded, one in ((False, conversion), (True, folded)):
            compared = copy.copy(comparison)
            if is_folded:  # compared with the net as it was, which is computed once
                compared.conversion, compared._stepwise = one, None
            for ending in dict.fromkeys(ending for _, ending, when, _ in COLUMNS if when == is_folded):
                if readers and not any(each[1] == ending and each[3] in readers for each in COLUMNS):
                    continue
                path = f"{folder}/{'folded' if is_folded else 'net'}{ending}"
                rows += _rows(name, one, compared, path, is_folded, readers)
    return rows


def _rows(name, conversion, comparison, path, is_folded, readers):
    from zoo.export import verifying
    from zoo.export.targets import target
    from zoo.export.targets.base import Absent

    one = target(path)
    ending = next(ending for ending in one.endings if path.endswith(ending))
    row = {"config": name, "target": ("folded " if is_folded else "") + ending}
    try:
        files = one.write(conversion)
    except ZooError as error:
        said = str((error.problems or [error])[0])
        return [
            {**row, "reader": reader, "verdict": "refused", "note": said.replace(f"{conversion.config}:", "line ")}
            for _, end, when, reader in COLUMNS
            if (end, when) == (ending, is_folded)
        ]
    size, found = verifying.size_of(files.paths) / 1e6, []
    for reader in one.readers(conversion):
        if readers and reader.name not in readers:
            continue
        said = {**row, "reader": reader.name, "megabytes": f"{size:.3f}", "version": _version(reader.name)}
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                good, compared, ms = verifying.compare(comparison, reader, 1e-4)
        except Absent as absent:
            found.append({**said, "verdict": "not checked", "note": str(absent)})
            continue
        decisive = [each for each in compared if each.by.startswith("NumPy")]
        said["relative"] = f"{max(each.relative for each in decisive):.1e}"
        said["ms"] = "" if ms is None else f"{ms:.2f}"
        found.append({**said, "verdict": verifying.verdict_of(good, reader, decisive)})
    return found


def _version(reader):
    if reader == "OpenCV":
        code = "import cv2; print(cv2.__version__)"
        python = os.environ.get("ZOO_OPENCV", sys.executable)
        return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()
    return importlib.metadata.version(PACKAGES[reader])


def read():
    """Returns {config: rows} of the CSV."""
    found = {}
    if (path := DOCS / "targets.csv").exists():
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                found.setdefault(row["config"], []).append(row)
    return found


def write(found):
    """Writes the CSV and the page, each whole."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, restval="", lineterminator="\n")
    writer.writeheader()
    for name in sorted(found):
        writer.writerows(found[name])
    for file, content in (("targets.csv", text.getvalue()), ("targets.md", page(found))):
        part = DOCS / f".{file}.part"
        part.write_text(content, encoding="utf-8")
        part.replace(DOCS / file)


def page(found):
    """Returns the text of the page."""
    names = sorted(path.stem for path in (DOCS.parent / "configs").glob("*.prototxt"))
    lines = ["| config | " + " | ".join(heading for heading, *_ in COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    notes = {}
    for name in [name for name in names if name in found]:
        cells = {(row.get("target"), row.get("reader")): row for row in found[name]}
        texts = [
            _cell(cells.get((("folded " if when else "") + ending, reader), found[name][0]), notes)
            for _, ending, when, reader in COLUMNS
        ]
        lines.append(f"| {name} | " + " | ".join(texts) + " |")
    missing = [name for name in names if name not in found]
    versions = {f"{row['reader']} {row['version']}" for rows in found.values() for row in rows if row.get("version")}
    lines += ["", f"Measured with {', '.join(sorted(versions))}."]
    lines += ["", *(f"{number}. {note}" for note, number in notes.items())]
    if missing:
        lines += ["", f"Not yet measured: {', '.join(missing)}."]
    return HEAD + "\n" + "\n".join(lines) + "\n"


def _cell(row, notes):
    if row["verdict"] in ("refused", "not checked", "not measured"):
        return f"{row['verdict']} ({notes.setdefault(row['note'], len(notes) + 1)})"
    parts = [f"{row['relative']}", f"{row['megabytes']} MB"] + ([f"{row['ms']} ms"] if row.get("ms") else [])
    return ", ".join(parts) + ("" if row["verdict"] == "equal" else f"; {row['verdict']}")


def main():
    """Measures, a process for each config, and writes after each."""
    if PAGE.value:
        write(read())
        return 0
    found = read()
    names = [path.stem for path in sorted((DOCS.parent / "configs").glob("*.prototxt"), key=_work)]
    open_ones = [name for name in names if name not in found or found[name][0]["verdict"] == "not measured"]
    known = {reader for *_, reader in COLUMNS}
    for flag, given, wanted in (("--only", ONLY.value, names), ("--readers", READERS.value, known)):
        for name in given:
            if name not in wanted:
                raise ZooError(flag, got=name, want=", ".join(sorted(wanted)))
    measured = [name for name in names if name not in open_ones]
    for name in ONLY.value or (measured if READERS.value else open_ones):
        rows = _measured(name)
        if READERS.value:
            again = {(row.get("target"), row.get("reader")): row for row in rows}
            rows = [again.get((row["target"], row["reader"]), row) for row in found.get(name, [])]
        found = {**read(), name: rows}
        write(found)
        print(f"{name}: {', '.join(dict.fromkeys(row['verdict'] for row in found[name]))}", flush=True)
    return 0


def _work(path):
    """What a config costs, for the order: its parameters, as its header says them."""
    digits = config_header.read(path).parameters.split()[0].replace(",", "")
    return int(digits) if digits.isdigit() else 10**9, path.stem


def _measured(name):
    code = f"import json, benchmarks.targets as t; print(json.dumps(t.rows_of({name!r}, {READERS.value})))"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS.value, cwd=DOCS.parent
        )
    except subprocess.TimeoutExpired:
        return [{"config": name, "verdict": "not measured", "note": f"it was not done after {SECONDS.value} s"}]
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        return [{"config": name, "verdict": "not measured", "note": said[:300]}]
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    command.run(main)
