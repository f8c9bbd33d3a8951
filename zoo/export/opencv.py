"""A second opinion: OpenCV's own reader of Caffe's files, run in a process of its own.

Run as a program it imports nothing of ours: ``python -I opencv.py FOLDER`` reads net.prototxt, net.caffemodel,
inputs.npz and layers.txt from the directory and writes outputs.npz, or error.txt.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np

PATIENCE = 600  # seconds


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
        (folder / "inputs.txt").write_text("\n".join(inputs))
        np.savez(folder / "inputs.npz", *inputs.values())
        asked = [layer if index == 0 else f"{layer}.{index}" for layer, index in outputs.values()]
        (folder / "layers.txt").write_text("\n".join(asked))
        command = [sys.executable, "-I", __file__, name]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return None, f"it was not done after {PATIENCE} s"
        if done.returncode:
            said = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
            return None, said[:200]
        with np.load(folder / "outputs.npz") as data:
            return {blob: data[f"arr_{i}"] for i, blob in enumerate(outputs)}, str(data["version"])


def _main(folder):
    try:
        import cv2
    except ImportError:
        sys.exit("it is not installed")
    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        sys.exit(f"OpenCV {cv2.__version__} reads no Caffe files any more")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        net = cv2.dnn.readNetFromCaffe(str(folder / "net.prototxt"), str(folder / "net.caffemodel"))
        net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
        with np.load(folder / "inputs.npz") as data:
            for index, name in enumerate((folder / "inputs.txt").read_text().splitlines()):
                net.setInput(data[f"arr_{index}"], name)
        got = net.forward((folder / "layers.txt").read_text().splitlines())
    except cv2.error as error:
        sys.exit(f"it cannot read or run this net: {' '.join(str(error.err or error).split())}")
    np.savez(folder / "outputs.npz", *got, version=cv2.__version__)


if __name__ == "__main__":
    _main(pathlib.Path(sys.argv[1]))
