"""A file that a flag names and that is not there, or cannot be written, is said before TensorFlow is loaded."""

import json
import os
import pathlib
import subprocess
import sys

import cv2
import numpy as np
import pytest

from zoo.formats import caffemodel

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Each command in a fork of one process, which spares it Python's start, and where TensorFlow cannot be loaded.
EACH = """
import json, os, runpy, sys
import cv2, zoo.change_flags, zoo.export.request, zoo.formats.caffemodel, zoo.given_files, zoo.look_flags
sys.modules["tensorflow"] = None
for words in json.load(sys.stdin):
    print("==", flush=True)
    child = os.fork()
    if not child:
        os.dup2(1, 2)
        sys.argv = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    print("code", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
NO_WEIGHTS = "no.caffemodel: no such file"
NO_IMAGE = "no.png: cannot read the image, got No such file or directory"
NO_FOLDER = "cannot be written, got no directory no"
LENET, GOOD, IMAGE = "--config=lenet", "--weights=w.caffemodel", "--images=a.png"
LOST = "--weights=no.caffemodel"
CASES = [
    (["evaluate", LENET, LOST], NO_WEIGHTS),
    (["evaluate", LENET, "--snapshot=no.solverstate"], "no.solverstate: no such file"),
    (["evaluate", LENET, "--weights=w.caffemodel,images"], "images: is a directory"),
    (["train", LENET, LOST], NO_WEIGHTS),
    (["train", LENET, "--snapshot=no.solverstate"], "no.solverstate: no such file"),
    (["convert", LENET, LOST, "--output=a.onnx"], NO_WEIGHTS),
    (["convert", LENET, GOOD, "--output=no/a.keras"], f"no/a.keras: {NO_FOLDER}"),
    (["convert", LENET, GOOD, "--output=a.keras,no/saved/"], f"no/saved: {NO_FOLDER}"),
    (
        ["convert", LENET, GOOD, "--output=a.tflite", "--quantize=int8", "--representative=no.npz"],
        "no.npz: no such file",
    ),
    (["classify", LENET, LOST, IMAGE], NO_WEIGHTS),
    (["classify", LENET, GOOD, "--images=a.png,no.png"], NO_IMAGE),
    (["classify", LENET, GOOD, "--list=list.txt", "--root_folder=images"], f"images/{NO_IMAGE}"),
    (["classify", LENET, GOOD, IMAGE, "--output=no/a.csv"], f"no/a.csv: {NO_FOLDER}"),
    (["classify", LENET, GOOD, IMAGE, "--output=images"], "images: cannot be written, got is a directory"),
    (["detect", LENET, LOST, IMAGE], NO_WEIGHTS),
    (["detect", LENET, GOOD, IMAGE, "--output=a.png"], "a.png/detections.csv: cannot be written, got"),
    (["extract_features", LENET, LOST, IMAGE, "--blobs=ip1", "--output=a.h5"], NO_WEIGHTS),
    (["extract_features", LENET, GOOD, "--images=no.png", "--blobs=ip1", "--output=a.h5"], NO_IMAGE),
    (["extract_features", LENET, GOOD, "--blobs=ip1", "--output=no/a_lmdb"], f"no/a_lmdb: {NO_FOLDER}"),
    (["activations", LENET, LOST, IMAGE], NO_WEIGHTS),
    (["activations", LENET, GOOD, "--images=no.png"], NO_IMAGE),
    (["saliency", LENET, GOOD, IMAGE, "--output=a.png/a.png"], "a.png/a.png: cannot be written, got"),
    (["gallery", LENET, LOST, IMAGE], NO_WEIGHTS),
    (["gallery", LENET, GOOD, IMAGE, "--output=a.png"], "a.png/index.html: cannot be written, got"),
    (["filters", LOST], NO_WEIGHTS),
    (["draw", "lenet", "a.html", LOST], NO_WEIGHTS),
    (["draw", "lenet", "a.html", GOOD, "--image=no.png"], NO_IMAGE),
    (["draw", "lenet", "no/a.html"], f"no/a.html: {NO_FOLDER}"),
    (["results", "lenet", LOST], NO_WEIGHTS),
]


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each of CASES says, and its exit code; run in a folder with weights, an image and a list."""
    folder = tmp_path_factory.mktemp("given")
    caffemodel.write(folder / "w.caffemodel", {"ip1": [np.zeros((2, 3), np.float32)]})
    cv2.imwrite(str(folder / "a.png"), np.zeros((28, 28), np.uint8))
    (folder / "images").mkdir()
    (folder / "list.txt").write_text("no.png 3\n")
    before = sorted(os.listdir(folder))
    words = json.dumps([[f"zoo.{name}", *rest] for (name, *rest), _ in CASES])
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", EACH], cwd=folder, env=env, input=words, capture_output=True, text=True
    )
    assert sorted(os.listdir(folder)) == before, done.stdout
    return done.stdout.split("==\n")[1:]


@pytest.mark.parametrize("number", range(len(CASES)), ids=[" ".join(words) for words, _ in CASES])
def test_it_is_said_first(said, number):
    words, want = CASES[number]
    lines = said[number].splitlines()
    assert len(lines) == 2 and lines[0].startswith(f"error: {want}") and lines[1] == "code 1", said[number]
