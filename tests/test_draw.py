"""zoo.draw: a net as a page or as text anywhere, as an image where Graphviz is."""

import json
import os
import re
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from tests.commands import ROOT, run
from zoo.formats import caffemodel

NET = """name: "small"
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { crop_size: 8 } data_param { source: "none" batch_size: 5 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "conv" bottom: "label" top: "loss" }
"""
TRAINED = NET.replace("include { phase: TRAIN }", "")


RUN = """I0101 10:00:00.000000 1 solver.cpp:1] Iteration 0, loss = 2.5
I0101 10:00:01.000000 1 solver.cpp:1] Iteration 20, loss = 1.25
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net.prototxt").write_text(TRAINED)
    (tmp_path / "train.prototxt").write_text(NET)
    return tmp_path


def test_the_text(folder):
    said = run("zoo.draw", "net.prototxt", "net.dot", cwd=folder)
    assert said.startswith("small, 4 layers: net.dot\n  in numbers: ") and said.endswith("prototxt --summary\n")
    text = (folder / "net.dot").read_text()
    assert 'label="data\\n3 x 8 x 8"' in text and 'label="conv\\n4 x 6 x 6"' in text and 'label="label"' in text
    assert "rankdir=LR" in text and 'label="Batch 5"' in text and "kernel size: 3" in text
    run("zoo.draw", "net.prototxt", "net.gv", "--noshapes", "--rankdir=TB", cwd=folder)
    text = (folder / "net.gv").read_text()
    assert 'label="conv"' in text and "rankdir=TB" in text
    run("zoo.draw", "net.prototxt", "deploy.dot", "--deploy", cwd=folder)
    text = (folder / "deploy.dot").read_text()
    assert "(Softmax)" in text and "(Input)" in text and "loss" not in text
    run("zoo.draw", "train.prototxt", "test.dot", "--phase=TEST", "--noshapes", cwd=folder)
    assert "(Data)" not in (folder / "test.dot").read_text()


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz's program dot")
def test_an_image(folder):
    run("zoo.draw", "net.prototxt", "net.svg", cwd=folder)
    svg = (folder / "net.svg").read_text()
    assert svg.rstrip().endswith("</svg>") and ">4 x 6 x 6</text>" in svg
    assert "Graphviz draws no .xyz" in run("zoo.draw", "net.prototxt", "net.xyz", cwd=folder, ok=False)


def test_a_page(folder):
    assert run("zoo.draw", "net.prototxt", "--output=net.html", cwd=folder).startswith(
        "small, 4 layers (TRAIN and TEST, deploy), 0.1 MB: net.html"
    )
    text = (folder / "net.html").read_text()
    assert text.startswith("<!doctype html>") and "4,3,3,3" in text.replace(" ", "") and str(folder) not in text
    run("zoo.draw", "train.prototxt", "train.html", "--phase=TRAIN", cwd=folder)
    assert '"title":"TRAIN"' in (folder / "train.html").read_text()


def test_a_page_without_shapes(folder):
    (folder / "open.prototxt").write_text(TRAINED.replace("transform_param { crop_size: 8 }", ""))
    said = run("zoo.draw", "open.prototxt", "open.html", cwd=folder)
    assert said.startswith("small, 4 layers (TRAIN and TEST), ")
    assert '"complete":false' in (folder / "open.html").read_text()


def test_a_page_of_a_net_that_has_seen_an_image(folder):
    pixels = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    cv2.imwrite(str(folder / "seen.png"), pixels)
    conv = [np.ones((4, 3, 3, 3), np.float32), np.zeros(4, np.float32)]
    caffemodel.write(folder / "w.caffemodel", {"conv": conv})
    said = run("zoo.draw", "net.prototxt", "net.html", "--weights=w.caffemodel", "--image=seen.png", cwd=folder)
    assert "small, 4 layers (deploy, TRAIN and TEST)" in said
    data = json.loads(re.search(r'id="data">(.*?)</script>', (folder / "net.html").read_text(), re.S)[1])
    ((name, shown),) = data["activations"]["layers"]["conv"]
    sums = pixels[:3, :3].sum(), pixels[5:, 5:].sum()  # under a window of ones, the first and the last
    assert name == "conv" and shown["said"].endswith("all {:.4g} to {:.4g}".format(*sums))
    assert data["weights"]["blobs"]["conv"][0]["mean"] == 1 and data["activations"]["view"] == "deploy"
    assert data["activations"]["input"]["url"].startswith("data:image/png;base64,")
    words = ("net.prototxt", "b.html", "--weights=w.caffemodel", "--image=seen.png", "--labels=cifar10")
    assert "--labels does not fit the net, got 10 names, want a net that gives classes" in run(
        "zoo.draw", *words, cwd=folder, ok=False
    )


def test_nothing_heavy_is_loaded(folder):
    code = "import sys, zoo.draw, zoo.export.dot, zoo.export.conversion, zoo.pages.net_page, zoo.pages.net_view"
    code += "; print('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
    caffemodel.write(folder / "w.caffemodel", {"conv": [np.ones((4, 3, 3, 3), np.float32), np.zeros(4, np.float32)]})
    words = [sys.executable, "-X", "importtime", "-m", "zoo.draw", "net.prototxt", "net.html", "--weights=w.caffemodel"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)
    assert process.returncode == 0 and "numpy" in process.stderr and "tensorflow" not in process.stderr


@pytest.mark.parametrize(
    "words, said",
    [
        ("net.prototxt", "which net, and to which file?"),
        ("net.prototxt net", "the name says no format, got net"),
        ("none.prototxt net.dot", "none.prototxt: no such file"),
        ("net.prototxt no/net.dot", "no/net.dot: cannot be written, got no directory no"),
        ("net.prototxt net.dot --input_shape=datta:1,3,8,8", '"datta", which is no input'),
        ("net.prototxt net.html --input_shape=datta:1,3,8,8", '"datta", which is no input'),
        ("net.prototxt net.html --output=b.html", "two names for one drawing"),
        ("net.prototxt net.dot --weights=a.caffemodel", "--weights is for a page"),
        ("net.prototxt net.html --display_lrm", "--display_lrm is for drawings by Graphviz"),
        ("net.prototxt net.html --image=a.png --phase=TEST", "activations are of the net to deploy"),
        ("net.prototxt net.html --labels=mnist", "--labels says what an image shows"),
        ("net.prototxt net.html --run_dir=no", "cannot read log no/train.log, got No such file"),
        ("net.prototxt net.dot --run_dir=no", "--run_dir is for a page"),
        ("net.prototxt no/net.html", "no/net.html: cannot be written, got no directory no"),
    ],
)
def test_mistakes(folder, words, said):
    before = sorted(folder.iterdir())
    assert said in run("zoo.draw", *words.split(), cwd=folder, ok=False)
    assert sorted(folder.iterdir()) == before


def test_without_graphviz(folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    assert "needs Graphviz's program dot" in run("zoo.draw", "net.prototxt", "net.png", cwd=folder, ok=False)
    run("zoo.draw", "net.prototxt", "net.dot", cwd=folder)


def test_the_page_of_a_run_that_was_killed(folder):
    """From its log and its last snapshot; the snapshot of iteration 9 comes after that of 20 by name."""
    (folder / "run" / "snapshots").mkdir(parents=True)
    (folder / "run" / "train.log").write_text(RUN)
    for iteration in (9, 20):
        kernels = np.full((4, 3, 3, 3), iteration, np.float32)
        path = folder / "run" / "snapshots" / f"small_iter_{iteration}.caffemodel"
        caffemodel.write(path, {"conv": [kernels, np.zeros(4, np.float32)]})
    run("zoo.draw", "net.prototxt", "run/net.html", "--run_dir=run", cwd=folder)
    found = json.loads(re.search(r'id="data">(.*?)</script>', (folder / "run" / "net.html").read_text(), re.S)[1])
    assert found["run"]["title"] == "the net, 20 iterations"
    assert found["run"]["charts"][0]["series"][0]["points"] == [[0, 2.5], [20, 1.25]]
    weights = found["weights"]
    assert (weights["said"], weights["blobs"]["conv"][0]["max"]) == ("of small_iter_20.caffemodel", 20)
