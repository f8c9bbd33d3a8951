"""How many layer cases OpenCV reads from ONNX and computes as they should be, by hand:

    ZOO_OPENCV=PYTHON python -m tests.export.onnx.in_opencv

PYTHON is one that has the OpenCV in question and NumPy, by default this one. Cases are those of the table of layers,
held against the reference implementation, and those that Caffe and its forks recorded, held against their numbers.
Prints a table of both, and each case that is not read or differs, with what OpenCV says.

The same file is what runs there: ``PYTHON -I in_opencv.py FOLDER`` reads N.onnx and N.npz for each N and appends a line
to done.txt. Where OpenCV ends the process, that case is noted and the next process goes on behind it.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

CLOSE = 1e-4  # of the largest value, as --verify has it


def write(folder):
    """Writes all cases that have an ONNX form; returns [(where from, name)] by number."""
    from tests.export.onnx.running import conversion_of_text, weights_of
    from tests.export.onnx.test_golden import TRAINS
    from tests.layers import recorded
    from tests.layers.cases import ALL
    from zoo import reference
    from zoo.errors import UnsupportedError
    from zoo.export.onnx.model import onnx_model
    from zoo.export.onnx.registry import find

    names = []

    def add(origin, name, conversion, feeds, wanted):
        try:
            model = onnx_model(conversion)
        except UnsupportedError:  # which test_registry knows
            return
        order = [blob for blob in conversion.outputs if blob in wanted]
        outputs = dict(zip(conversion.outputs, (value.name for value in model.graph.output)))
        number = len(names)
        (folder / f"{number}.onnx").write_bytes(model.SerializeToString())
        arrays = {f"in/{key}": value for key, value in feeds.items()}
        arrays |= {f"out/{outputs[blob]}": np.asarray(wanted[blob]) for blob in order}
        np.savez(folder / f"{number}.npz", **arrays)
        names.append((origin, name))

    for case in ALL:
        if find(case.kind) and case.phase == "TEST":
            conversion = conversion_of_text(case.prototxt, folder / "net.prototxt", arrays=case.blobs)
            feeds = case.feeds()
            want = reference.run(conversion.message, weights_of(conversion), feeds)
            add("table of layers", case.id, conversion, feeds, {blob: want[blob] for blob in conversion.outputs})
    for path in recorded.paths():
        with np.load(path) as data:
            arrays = {key: data[key] for key in data}
        given = {key.removeprefix("param/"): array for key, array in arrays.items() if key.startswith("param/")}

        def blobs(shapes, name, given=given):
            return [given[f"{name}/{index}"].reshape(shape) for index, shape in enumerate(shapes)]

        conversion = conversion_of_text(str(arrays["prototxt"]), folder / "net.prototxt", arrays=blobs)
        kinds = [layer.kind for layer in conversion.definition.layers]
        if arrays["phase"] == "TRAIN" and any(kind in TRAINS for kind in kinds):
            continue
        feeds = {ref.name: arrays[f"in/{ref.name}"] for ref in conversion.inputs}
        wanted = {key.removeprefix("out/"): array for key, array in arrays.items() if key.startswith("out/")}
        add("recorded by Caffe and forks", path.stem, conversion, feeds, wanted)
    return names


def run(folder, count):
    """Runs all cases in OpenCV; returns (its version, [what is said of each, "" where it is right])."""
    python, done = os.environ.get("ZOO_OPENCV", sys.executable), folder / "done.txt"
    done.write_text("")
    version = subprocess.run([python, "-I", "-c", "import cv2; print(cv2.__version__)"], capture_output=True, text=True)
    if version.returncode:
        sys.exit(f"{python} has no OpenCV: {version.stderr.strip().splitlines()[-1]}")
    while (known := len(done.read_text().splitlines())) < count:
        child = subprocess.run([python, "-I", __file__, str(folder)], capture_output=True, text=True)
        if len(done.read_text().splitlines()) in (known, count) and child.returncode or child.returncode < 0:
            with done.open("a") as file:
                file.write(json.dumps(f"the process ended with {child.returncode}") + "\n")
    return version.stdout.strip(), [json.loads(line) for line in done.read_text().splitlines()]


def _there(folder):
    """Runs the cases that done.txt does not have yet."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    done = folder / "done.txt"
    number = len(done.read_text().splitlines())
    while (folder / f"{number}.onnx").exists():
        said = _said(cv2, folder / f"{number}.onnx", dict(np.load(folder / f"{number}.npz")))
        with done.open("a") as file:
            file.write(json.dumps(said) + "\n")
        number += 1


def _said(cv2, path, arrays):
    wanted = {key[4:]: array for key, array in arrays.items() if key.startswith("out/")}
    try:
        net = cv2.dnn.readNetFromONNX(str(path))
        for key, array in arrays.items():
            if key.startswith("in/"):
                net.setInput(array, key[3:])
        found = net.forward(list(wanted))
    except Exception as error:  # cv2.error or SystemError
        return " ".join(str(getattr(error, "err", "") or error).split())[:160] or type(error).__name__
    for (name, want), got in zip(wanted.items(), found):
        if got is None:
            return f"{name} is None, want {want.shape}"
        if got.shape != want.shape and not (want.shape == () and got.shape == (1,)):
            return f"{name} has shape {got.shape}, want {want.shape}"
        finite = np.isfinite(want)
        got = got.reshape(want.shape).astype(np.float64)
        if not np.array_equal(got[~finite], want[~finite], equal_nan=True):
            return f"{name} differs where it is not finite"
        apart = np.abs(got[finite] - want[finite]).max(initial=0)
        if apart > CLOSE * np.abs(want[finite]).max(initial=0):
            return f"{name} is {apart:g} apart, the largest is {np.abs(want[finite]).max(initial=0):g}"
    return ""


def main():
    """Prints the table and what is wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        names = write(folder)
        version, said = run(folder, len(names))
    print(f"| cases | written | read and equal in OpenCV {version} |\n|---|---|---|")
    for origin in dict.fromkeys(origin for origin, _ in names):
        of_it = [one for (where, _), one in zip(names, said) if where == origin]
        print(f"| {origin} | {len(of_it)} | {of_it.count('')} |")
    for (origin, name), one in zip(names, said):
        if one:
            print(f"{origin}, {name}: {one}")


if __name__ == "__main__":
    _there(pathlib.Path(sys.argv[1])) if len(sys.argv) > 1 else main()
