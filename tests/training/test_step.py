"""Layers without tops that act outside of the net, in training and tests: HDF5Output, a Python layer that looks."""

import re
import time

import h5py
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.one_layer_net import one_layer
from tests.training import runs
from zoo.errors import DataError
from zoo.formats import labelmap, prototxt
from zoo.layers import hdf5_output, python
from zoo.layers.base import user_classes
from zoo.layers.ops import output_paths
from zoo.netdef.net import net_def
from zoo.training.evaluation import evaluate
from zoo.training.step import ForwardPass, acting

NET = """
  layer {{ name: "in" type: "DummyData" top: "x" top: "label" dummy_data_param {{
    shape {{ dim: 4 dim: 3 }} shape {{ dim: 4 }} data_filler {{ type: "constant" value: 0.5 }}
    data_filler {{ type: "constant" value: 1 }} }} }}
  layer {{ name: "ip" type: "InnerProduct" bottom: "x" top: "y"
    inner_product_param {{ num_output: 3 weight_filler {{ type: "xavier" }} }} }}
  layer {{ name: "train" type: "HDF5Output" bottom: "y" bottom: "label" include {{ phase: TRAIN }}
    hdf5_output_param {{ file_name: "{0}/train.h5" }} }}
  layer {{ name: "test" type: "HDF5Output" bottom: "y" bottom: "x" include {{ phase: TEST }}
    hdf5_output_param {{ file_name: "{0}/test.h5" }} }}
  layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "y" bottom: "label" top: "loss" }}
"""
SOLVER = f"""base_lr: 0.1 lr_policy: "fixed" max_iter: 4 display: 2 test_iter: 2 test_interval: 2 random_seed: 1
net_param {{{{ {NET} }}}}"""


def written(path):
    with h5py.File(path) as tree:
        return {name: tree[name][()] for name in tree}


def scores(result):
    """What the net computes with the weights of the end, of Caffe's (N,C,H,W)."""
    weight, bias = runs.weights(result).values()
    return (np.full((4, 3), 0.5, np.float32) @ weight.T + bias).reshape(4, 3, 1, 1)


@pytest.mark.parametrize("changes", ["", "debug_info: true", "iter_size: 2"])
def test_hdf5_output_writes_each_pass_in_training_and_tests(changes, tmp_path, monkeypatch):
    calls, save = [], hdf5_output.save
    monkeypatch.setattr(hdf5_output, "save", lambda p, *a: calls.append(p.rpartition("/")[2]) or save(p, *a))
    result = runs.train(
        tmp_path / "run", None, SOLVER.format(tmp_path), changes=changes, summaries=False, allow_paths=True
    )
    # The training net once an iteration, and once more for the loss of the end, which is displayed; tests at 0, 2, 4.
    passes = 4 * (2 if "iter_size" in changes else 1)
    assert (calls.count("train.h5"), calls.count("test.h5")) == (passes + 1, 3 * 2)
    found = written(tmp_path / "train.h5")
    assert found["data"].dtype == np.float32 and found["label"].shape == (4, 1, 1, 1) and np.all(found["label"] == 1)
    np.testing.assert_allclose(found["data"], scores(result), rtol=1e-5)
    tested = written(tmp_path / "test.h5")
    np.testing.assert_allclose(tested["data"], scores(result), rtol=1e-5)
    assert np.all(tested["label"] == 0.5) and tested["label"].shape == (4, 3, 1, 1)


def test_evaluation_writes_it_and_learns_nothing_else_by_it(tmp_path):
    result = runs.train(tmp_path / "run", None, SOLVER.format(tmp_path), summaries=False, allow_paths=True)
    (tmp_path / "test.h5").unlink()
    model = tmp_path / "run" / "snapshots" / "small_iter_4.caffemodel"
    found = []
    for test in ("TEST", "TRAIN"):
        text = NET.format(tmp_path).replace("phase: TEST", f"phase: {test}")
        found.append(evaluate(net_def(prototxt.parse_net(text, "net"), "TEST"), [str(model)], 3))
    assert found[0] == found[1]
    np.testing.assert_allclose(written(tmp_path / "test.h5")["data"], scores(result), rtol=1e-5)


def test_a_file_that_cannot_be_made_is_said_before_training(tmp_path):
    says = r'small.prototxt:9: layer "train" \(HDF5Output\): cannot write this file, got .*/no/train.h5'
    with pytest.raises(DataError, match=says):
        runs.train(tmp_path / "run", None, SOLVER.format(tmp_path / "no"), summaries=False, allow_paths=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("which", ["train", "test"])
def test_a_file_that_can_no_longer_be_written_ends_training_with_what_it_is(which, tmp_path, monkeypatch):
    def full(path, *arrays):
        if path.endswith(f"{which}.h5"):
            raise DataError("cannot be written", at=prototxt.Place(path), got="No space left on device")

    monkeypatch.setattr(hdf5_output, "save", full)
    with pytest.raises(DataError, match=rf"{which}.h5: cannot be written, got No space left on device"):
        runs.train(tmp_path / "run", None, SOLVER.format(tmp_path), summaries=False, allow_paths=True)


class Looking(python.Layer):
    """Keeps what it is shown."""

    seen = []

    def forward(self, bottom, top):
        """Adds the mean of its bottom."""
        self.seen.append(float(bottom[0].data.mean()))


class Squares(python.Layer):
    """The sum of squares; slow, so that passes overlap where they may."""

    def reshape(self, bottom, top):
        """A number."""
        top[0].reshape(1)

    def forward(self, bottom, top):
        """Keeps the bottom for the gradient, as many layers do."""
        time.sleep(0.002)
        self.kept = bottom[0].data.copy()
        top[0].data[...] = (self.kept**2).sum()

    def backward(self, top, propagate_down, bottom):
        """Twice what was kept."""
        bottom[0].diff[...] = 2 * self.kept


def python_param(name):
    return f'python_param {{ module: "{__name__}" layer: "{name}" }}'


def test_a_python_layer_without_tops_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(user_classes, "_allowed", True)
    text = SOLVER.format(tmp_path).replace("HDF5Output", "Python")
    text = re.sub("hdf5_output_param {.*?}", python_param("Looking"), text)
    Looking.seen.clear()
    result = runs.train(tmp_path / "run", None, text, changes="test_interval: 9", summaries=False, allow_paths=True)
    assert len(Looking.seen) == 2 + 4 + 1 + 2  # the last two are of the test at the end
    assert Looking.seen[-1] == pytest.approx(scores(result).mean(), rel=1e-5)


def test_a_python_layer_runs_forward_and_backward_in_turn(tmp_path, monkeypatch):
    """With iter_size passes could overlap, and a gradient be that of another batch."""
    monkeypatch.setattr(user_classes, "_allowed", True)
    text = """base_lr: 0.0001 lr_policy: "fixed" max_iter: 20 iter_size: 2 random_seed: 1 snapshot_after_train: false
    net_param {
      layer { name: "in" type: "DummyData" top: "x"
        dummy_data_param { shape { dim: 4 dim: 3 } data_filler { type: "gaussian" } } }
      layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y"
        inner_product_param { num_output: 3 weight_filler { type: "constant" value: 0.1 } } }
      layer { name: "loss" bottom: "y" top: "loss" loss_weight: 1 %s } }"""
    rules = (f'type: "Python" {python_param("Squares")}', 'type: "Reduction" reduction_param { operation: SUMSQ }')
    ours, plain = (
        runs.weights(runs.train(tmp_path / str(k), None, text % rule, summaries=False, allow_paths=True))
        for k, rule in enumerate(rules)
    )
    for key, array in plain.items():
        np.testing.assert_allclose(ours[key], array, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["{}/away/out.h5", "../../out.h5", "out.h5"])
def test_it_writes_into_the_run_directory_unless_asked(name, tmp_path):
    name = name.format(tmp_path)
    solver = SOLVER.format(tmp_path).replace(f"{tmp_path}/train.h5", name)
    runs.train(tmp_path / "run", None, solver, summaries=False)
    assert (tmp_path / "run" / "outputs" / "out.h5").is_file()
    assert (tmp_path / "run" / "outputs" / "test.h5").is_file() and not (tmp_path / "test.h5").exists()
    assert not (tmp_path / "away").exists()


@pytest.mark.parametrize("name, where", [("out.h5", "out.h5"), ("/away/out.h5", "out.h5"), ("../out.h5", "out.h5")])
def test_below_the_working_directory_only_what_leads_out_moves(name, where):
    with output_paths.below("."):
        assert output_paths.placed(name) == where
    assert output_paths.placed(name) == name


def test_a_detectors_results_are_written_by_its_forward_pass(tmp_path):
    (tmp_path / "map").write_text(labelmap.text({"cat": 1}))
    (tmp_path / "sizes").write_text("a 100 200\nb 50 40\n")
    save = f"output_directory: '{tmp_path}/out' output_format: 'VOC'"
    save += f" label_map_file: '{tmp_path}/map' name_size_file: '{tmp_path}/sizes'"
    body = f"detection_output_param {{ num_classes: 2 code_type: CORNER save_output_param {{ {save} }} }}"
    net = one_layer("DetectionOutput", body, ((1, 4), (1, 2), (1, 2, 4)))
    forward = ForwardPass(net, net.outputs())
    run = tf.function(lambda *batch: forward(batch, training=False))
    prior = [[[0.1, 0.2, 0.5, 0.6], [0.1] * 4]]
    for score in (0.75, 0.5):
        run(*(tf.constant(value, tf.float32) for value in ([[0, 0, 0, 0]], [[1 - score, score]], prior)))
    assert (tmp_path / "out" / "cat.txt").read_text() == "a 0.75 20 20 100 60\nb 0.5 4 10 20 30\n"
    (tmp_path / "out" / "cat.txt").unlink()
    (tmp_path / "out").rmdir()
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(DataError, match="cannot make the directory|cannot make the folder"), acting(net):
        for _ in range(2):
            run(*(tf.constant(value, tf.float32) for value in ([[0, 0, 0, 0]], [[0, 1]], prior)))
