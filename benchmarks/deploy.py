"""Trained nets at work: milliseconds of a forward pass here, in OpenCV 4, ONNX Runtime and OpenVINO, as a table.

  python -m benchmarks.deploy                                    rows that docs/deploy.csv does not have, then the page
  python -m benchmarks.deploy --again --nets=lenet --batches=1   these rows measured again
  python -m benchmarks.deploy --table                            the page alone, from the CSV as it is

Weights are drawn. All take turns in one process on one batch in memory, so that they see the same machine: zoo.cv and
OpenCV read the same prototxt and .caffemodel, ONNX Runtime and OpenVINO the .onnx that zoo.convert writes, both in
float32. Who is not installed, or cannot read a net, has "-". Each cell is the median, in brackets the least; on a
machine with other work only the least says what a pass costs. The last column is the largest difference of any from
zoo.cv, in parts of the largest value. A row is in the CSV when it is done, so that the command may be stopped and goes
on where it was; it begins no row after --minutes. The table is put into docs/from_opencv.md.
"""

import csv
import io
import itertools
import os
import pathlib
import statistics
import tempfile
import time

import numpy as np
from absl import flags

from benchmarks.deploy_texts import drawn
from zoo import command
from zoo.errors import ZooError
from zoo.export import opencv
from zoo.export.conversion import convert
from zoo.formats import atomic, caffemodel, prototxt
from zoo.netdef.shape_inference import infer_shapes

SIZES = {
    "lenet": (1, 28, 28),
    "alexnet": (3, 227, 227),
    "googlenet": (3, 224, 224),
    "resnet50": (3, 224, 224),
    "mobilenet_v1": (3, 224, 224),
    "densenet121": (3, 224, 224),
    "mobilenet_ssd": (3, 300, 300),
    "ssd300_vgg16": (3, 300, 300),
}
NETS = flags.DEFINE_list("nets", list(SIZES), "Configs, by name.")
BATCHES = flags.DEFINE_list("batches", ["1", "16"], "Batch sizes.")
ROUNDS = flags.DEFINE_integer("rounds", 9, "How many turns each takes.", lower_bound=1)
LONGEST = flags.DEFINE_float("longest", 25.0, "Seconds for a row; no turn begins after that, but each has one.")
MINUTES = flags.DEFINE_float("minutes", 11.0, "No row begins after that.")
AGAIN = flags.DEFINE_bool("again", False, "Measure rows that the CSV has, too.")
TABLE = flags.DEFINE_bool("table", False, "Write the table into the page, and measure nothing.")
PEERS = ("zoo.cv", "OpenCV", "ONNX Runtime", "OpenVINO")
HEAD = ("net", "batch", *PEERS, "apart", "turns", "load before")

DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs"
CSV, MARKDOWN = DOCS / "deploy.csv", DOCS / "from_opencv.md"
MARKS = "<!-- table by benchmarks.deploy -->", "<!-- end of it -->"


def files(name, batch, folder):
    """Writes the net with drawn weights; returns (paths of text, weights and .onnx or None, the input's name)."""
    conversion = convert(f"configs/{name}.prototxt", shapes={"data": (batch, *SIZES[name])}, load=False)
    text, weights = folder / f"{name}.prototxt", folder / f"{name}.caffemodel"
    opencv.in_its_words(conversion.message)
    text.write_text(prototxt.to_text(conversion.message))
    caffemodel.write(weights, drawn(infer_shapes(conversion.definition), np.random.default_rng(0)))
    (blob,) = conversion.inputs
    try:
        from zoo.export.onnx import file

        path = folder / f"{name}.onnx"
        file.write(convert(str(text), [str(weights)], load=False), path)
    except (ImportError, ZooError):
        path = None
    return str(text), str(weights), path and str(path), blob.name


def runners(text, weights, onnx):
    """Returns {peer: function of an array} of those who can run the net."""
    found = {}
    import zoo.cv

    found["zoo.cv"] = _of_opencv(zoo.cv.readNetFromCaffe(text, weights))
    import cv2

    if cv2.__version__ < "5":
        found["OpenCV"] = _of_opencv(cv2.dnn.readNetFromCaffe(text, weights))
    if onnx:
        found |= _of_onnx(onnx)
    return found


def _of_opencv(net):
    def run(array):
        net.setInput(array)
        return net.forward()

    return run


def _of_onnx(path):
    found = {}
    try:
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        found["ONNX Runtime"] = lambda array: session.run(None, {given.name: array})[0]
    except ImportError:
        pass
    try:
        import openvino

        compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found["OpenVINO"] = lambda array: compiled([array])[0]
    except ImportError:
        pass
    return found


def row(name, batch):
    """Returns the cells of a row."""
    with tempfile.TemporaryDirectory() as folder:
        text, weights, onnx, _ = files(name, batch, pathlib.Path(folder))
        array = np.random.default_rng(1).normal(size=(batch, *SIZES[name])).astype(np.float32)
        runs, outputs, times = {}, {}, {}
        for peer, run in runners(text, weights, onnx).items():
            try:
                outputs[peer], runs[peer], times[peer] = np.array(run(array)), run, []
            except Exception as error:
                print(f"{name}, {peer}: {str(error).splitlines()[0]}")
        load, begun = os.getloadavg()[0], time.perf_counter()
        for turn in range(ROUNDS.value):
            for peer, run in runs.items():
                if turn and time.perf_counter() - begun > LONGEST.value:
                    break
                start = time.perf_counter()
                run(array)
                times[peer].append(1000 * (time.perf_counter() - start))
    cells = [
        f"{statistics.median(times[peer]):.1f} ({min(times[peer]):.1f})" if peer in times else "-" for peer in PEERS
    ]
    turns = max(map(len, times.values()))
    return [name, str(batch), *cells, f"{_apart(outputs):.1e}", str(turns), f"{load:.1f}"]


def _apart(outputs):
    """Returns the largest difference from ours; boxes are compared by their scores, the highest first."""
    tables = {
        peer: np.sort(array[..., 2].ravel())[::-1] if array.shape[-1:] == (7,) else array
        for peer, array in outputs.items()
    }
    ours = tables["zoo.cv"]
    largest = max(float(np.abs(ours).max()), 1e-30)
    size = min(array.size for array in tables.values())
    return max(float(np.abs(array.ravel()[:size] - ours.ravel()[:size]).max()) / largest for array in tables.values())


def main():
    """Measures and prints what is missing, writes the CSV row by row, and the page."""
    begun, rows = time.monotonic(), _known()
    for name, batch in itertools.product(NETS.value, BATCHES.value):
        if TABLE.value or ((name, batch) in rows and not AGAIN.value):
            continue
        if time.monotonic() - begun > 60 * MINUTES.value:
            print(f"{name}, {batch}: not begun after {MINUTES.value:g} minutes; the same command goes on here")
            break
        rows[name, batch] = row(name, int(batch))
        print(f"| {' | '.join(rows[name, batch])} |", flush=True)
        _keep(rows)
    _write_page(rows)


def _known():
    """Returns {(net, batch): cells} of the CSV."""
    if not CSV.exists():
        return {}
    with CSV.open(newline="") as file:
        return {(cells[0], cells[1]): cells for cells in list(csv.reader(file))[1:]}


def _keep(rows):
    with atomic.replacing(CSV, ZooError) as file:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([HEAD, *rows.values()])
        file.write(text.getvalue().encode())


def _write_page(rows):
    """Puts the table between the marks of the page, in the order of `SIZES`."""
    order = [(name, batch) for name in SIZES for batch in ("1", "16") if (name, batch) in rows]
    lines = [f"| {' | '.join(cells)} |" for cells in (HEAD, *(rows[key] for key in order))]
    lines.insert(1, "|---" * len(HEAD) + "|")
    text = MARKDOWN.read_text()
    before, _, rest = text.partition(MARKS[0])
    _, _, behind = rest.partition(MARKS[1])
    table = "\n".join(lines)
    MARKDOWN.write_text(f"{before}{MARKS[0]}\n\n{table}\n\n{MARKS[1]}{behind}")


if __name__ == "__main__":
    command.run(main)
