"""A second opinion: OpenCV's own readers of Caffe's files and of ONNX, run in a process of its own.

Run as a program it imports nothing of ours: ``python -I opencv.py FOLDER`` reads net.prototxt and net.caffemodel, or
net.onnx, with inputs.npz and layers.txt from the directory and writes outputs.npz.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

PATIENCE = 600  # seconds
TIMED = 3  # runs of a .onnx file


def in_its_words(message):
    """Writes a NetParameter in words that OpenCV's importer knows, in place.

    It does not know round_mode of Pooling, and then loses all of pooling_param ("kernel[i] > 0"); a fork's ceil_mode
    says the same.
    """
    for layer in message.layer:
        pooling = layer.pooling_param
        if pooling.HasField("round_mode"):
            pooling.ceil_mode = pooling.round_mode == pooling.CEIL
            pooling.ClearField("round_mode")


def run(prototxt, caffemodel, inputs, outputs):
    """Returns ({blob: array of Caffe's shape}, OpenCV's version), or (None, a clause that says why not).

    Args:
        prototxt: text of the net, of the current form.
        caffemodel: path of a binary weights file.
        inputs: {blob: array of Caffe's shape}.
        outputs: {blob: (layer that gives it, index of the top)}.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "net.prototxt").write_text(prototxt)
        (folder / "net.caffemodel").symlink_to(pathlib.Path(caffemodel).resolve())
        asked = [layer if index == 0 else f"{layer}.{index}" for layer, index in outputs.values()]
        return _run(folder, sys.executable, inputs, dict(zip(outputs, asked)))[:2]


def run_onnx(path, inputs, outputs):
    """As `run` and with the milliseconds of a run behind it, of a .onnx file; by the Python that ZOO_OPENCV names.

    Args:
        path: of the file.
        inputs: {name: array of Caffe's shape}.
        outputs: {blob: name of the output}.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, path = pathlib.Path(name), pathlib.Path(path).resolve()
        (folder / "net.onnx").symlink_to(path)
        if (data := path.with_name(f"{path.name}.data")).exists():
            (folder / data.name).symlink_to(data)
        return _run(folder, os.environ.get("ZOO_OPENCV", sys.executable), inputs, outputs)


def _run(folder, python, inputs, outputs):
    (folder / "inputs.txt").write_text("\n".join(inputs))
    np.savez(folder / "inputs.npz", *inputs.values())
    (folder / "layers.txt").write_text("\n".join(outputs.values()))
    command = [python, "-I", __file__, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return None, f"it was not done after {PATIENCE} s", None
    except OSError as cause:
        return None, f"cannot run {python}: {cause.strerror}", None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        return None, said[:200], None
    with np.load(folder / "outputs.npz") as data:
        return (
            {blob: data[f"arr_{i}"] for i, blob in enumerate(outputs)},
            str(data["version"]),
            float(data["milliseconds"]),
        )


def _main(folder):
    try:
        import cv2
    except ImportError:
        sys.exit("it is not installed")
    onnx = folder / "net.onnx"
    if not onnx.exists() and not hasattr(cv2.dnn, "readNetFromCaffe"):
        sys.exit(f"OpenCV {cv2.__version__} reads no Caffe files any more")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        if onnx.exists():
            net = cv2.dnn.readNetFromONNX(str(onnx))
        else:
            net = cv2.dnn.readNetFromCaffe(str(folder / "net.prototxt"), str(folder / "net.caffemodel"))
        net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
        with np.load(folder / "inputs.npz") as data:
            for index, name in enumerate((folder / "inputs.txt").read_text().splitlines()):
                net.setInput(data[f"arr_{index}"], name)
        asked, seconds = (folder / "layers.txt").read_text().splitlines(), []
        got = net.forward(asked)
        for _ in range(TIMED if onnx.exists() else 0):
            began = time.perf_counter()
            net.forward(asked)
            seconds.append(time.perf_counter() - began)
    except cv2.error as error:
        sys.exit(f"it cannot read or run this net: {' '.join(str(error.err or error).split())}")
    milliseconds = 1000 * float(np.median(seconds or [0]))
    np.savez(folder / "outputs.npz", *got, version=cv2.__version__, milliseconds=milliseconds)


if __name__ == "__main__":
    _main(pathlib.Path(sys.argv[1]))
