"""zoo.draw: the graph of a net with the shapes of its blobs, as text anywhere, as an image where Graphviz is."""

import shutil
import subprocess
import sys

import pytest

from tests.commands import run

NET = """name: "small"
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { crop_size: 8 } data_param { source: "none" batch_size: 5 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "conv" bottom: "label" top: "loss" }
"""
TRAINED = NET.replace("include { phase: TRAIN }", "")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net.prototxt").write_text(TRAINED)
    (tmp_path / "train.prototxt").write_text(NET)
    return tmp_path


def test_the_text(folder):
    assert run("zoo.draw", "net.prototxt", "net.dot", cwd=folder) == "small, 4 layers: net.dot\n"
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


def test_nothing_heavy_is_loaded(folder):
    code = "import sys, zoo.draw, zoo.export.dot, zoo.export.conversion; print('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize(
    "words, said",
    [
        ("net.prototxt", "which net, and to which file?"),
        ("net.prototxt net", "the name says no format, got net"),
        ("none.prototxt net.dot", "none.prototxt: no such file"),
        ("net.prototxt no/net.dot", "no/net.dot: cannot be written, got No such file"),
        ("net.prototxt net.dot --input_shape=datta:1,3,8,8", '"datta", which is no input'),
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
