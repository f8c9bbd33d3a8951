"""The report: what generation, what runs, what is hidden behind what; the command's text, JSON and exit code."""

import subprocess
import sys

import pytest

from zoo.errors import PrototxtError
from zoo.inspection.examine import examine
from zoo.inspection.finding import Edit, edited
from zoo.inspection.report import as_plain, as_text

DEPLOY = """name: "old"
input: "data"
input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
layer {
  name: "c"
  type: CONVOLUTION
  bottom: "data"
  top: "c"
  convolution_param { num_output: 2 kernel_size: 3 hole: 2 }
}
layer {
  name: "loss"
  type: "SoftmaxWithLoss"
  bottom: "c"
  bottom: "label"
  top: "loss"
}
layer { name: "acc" type: "Accuracy" bottom: "c" bottom: "label" top: "acc" }
"""


def write(tmp_path, text, name="net.prototxt"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_one_thing_hides_another(tmp_path):
    report = examine(write(tmp_path, DEPLOY))
    assert [each.rule for each in report.findings if each.kind == "stops"] == [
        "unquoted-type", "renamed-field", "label-missing", "label-missing",
    ]  # fmt: skip
    assert not report.sound
    mended = examine(write(tmp_path, report.mended, "mended.prototxt"))
    assert mended.sound and mended.runs == {"TEST": True}
    assert 'type: "Convolution"' in report.mended and "dilation: 2" in report.mended
    assert 'type: "Softmax"' in report.mended and "Accuracy" not in report.mended


def test_only_some_are_mended(tmp_path):
    report = examine(write(tmp_path, DEPLOY), only=("unquoted-type",))
    assert 'type: "Convolution"' in report.mended and "hole: 2" in report.mended


@pytest.mark.parametrize(
    "text, said",
    [
        ('layers { name: "d" type: SILENCE bottom: "d" }', "2014"),
        ('layers { layer { name: "r" type: "relu" } bottom: "x" top: "y" }', "2013"),
        ('base_lr: 0.1 net: "x.prototxt"', "a solver"),
        ('layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 } } }', "today"),
    ],
)
def test_generation(tmp_path, text, said):
    assert said in examine(write(tmp_path, text)).generation


def test_a_solvers_nets_are_filtered_for_its_states(tmp_path):
    net = """layer { name: "a" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } include { phase: TRAIN } }
    layer { name: "b" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } include { stage: "s" } }
    layer { name: "r" type: "ReLU" bottom: "x" top: "y" }"""
    write(tmp_path, net)
    solver = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" test_interval: 1 test_iter: 1 '
    report = examine(write(tmp_path, solver + 'test_state { stage: "s" }', "solver.prototxt"))
    assert report.sound and report.runs == {
        "TRAIN of net.prototxt": True,
        "TEST of net.prototxt, stage s": True,
    }, report.findings
    report = examine(write(tmp_path, solver + 'test_state { stage: "t" level: 2 }', "solver.prototxt"))
    assert not report.sound and report.runs["TEST of net.prototxt, stage t, level 2"] is False
    assert not examine(write(tmp_path, solver, "solver.prototxt")).sound


def test_a_solver_and_its_nets(tmp_path):
    write(tmp_path, 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 } } }', "good.prototxt")
    report = examine(write(tmp_path, 'net: "good.prototxt" base_lr: 0.1 lr_policy: "fixed"', "solver.prototxt"))
    assert report.runs == {"TRAIN of good.prototxt": True}
    (tmp_path / "examples").mkdir()
    below = write(tmp_path / "examples", 'net: "good.prototxt" base_lr: 0.1 lr_policy: "fixed"', "solver.prototxt")
    assert examine(below).sound
    report = examine(write(tmp_path, 'net: "gone.prototxt" base_lr: 0.1 lr_policy: "fixed"', "solver.prototxt"))
    assert report.runs == {"TRAIN of gone.prototxt": False} and not report.sound


@pytest.mark.parametrize("text", ["layer {", 'layer { name: "x }', "<<<<<<< HEAD\n", "x: 3", "layer { crop: 3 }"])
def test_what_is_no_prototxt_is_a_finding(tmp_path, text):
    report = examine(write(tmp_path, text))
    assert not report.sound and report.findings
    assert "would" not in as_text(report).splitlines()[0]


def test_what_is_no_text_is_an_error(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(PrototxtError):
        examine(path)


def test_text_and_json(tmp_path):
    report = examine(write(tmp_path, DEPLOY))
    text = as_text(report)
    assert "TEST: would not run" in text or "what would stop it here" in text
    assert "[unquoted-type]" in text and 'cure: type: "Convolution"  (--fix does it)' in text
    found = as_plain(report)
    assert found["sound"] is False and found["findings"][0]["line"] == 6


def test_edits_do_not_overlap():
    assert edited("abcdef", [Edit(1, 3, "X"), Edit(2, 4, "Y"), Edit(5, 6, "Z")]) in ("aXdeZ", "abYeZ")


def test_the_command(tmp_path):
    path, out = write(tmp_path, DEPLOY), tmp_path / "mended.prototxt"

    def run(*words):
        return subprocess.run([sys.executable, "-m", "zoo.doctor", *map(str, words)], capture_output=True, text=True)

    ran = run(path, "--fix", f"--output={out}")
    assert ran.returncode == 1 and "Traceback" not in ran.stderr
    assert f"{out} (label-missing, renamed-field, unquoted-type)\n" in ran.stdout
    assert run(out).returncode == 0
    assert run(path, "--fix", f"--output={path}").returncode == 1
    assert path.read_text() == DEPLOY


def test_neither_keras_nor_tensorflow_is_loaded(tmp_path):
    path = write(tmp_path, DEPLOY)
    code = (
        "import sys; from zoo.inspection.examine import examine; examine(sys.argv[1]);"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
