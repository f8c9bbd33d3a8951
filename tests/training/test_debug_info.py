"""debug_info: the lines that Caffe prints, held against the other way here to run a net, which has its own passes."""

import logging
import re

import numpy as np
import pytest
from absl import logging as absl_logging

import zoo.pycaffe as caffe
from tests.training import runs

NET = """
name: "fan"
layer { name: "in" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.01 } data_param { source: "small/train" batch_size: 7 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  param { lr_mult: 1 } param { lr_mult: 0 decay_mult: 0 }
  convolution_param { num_output: 6 kernel_size: 3 stride: 2 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip" param { name: "shared" }
  inner_product_param { num_output: 4 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "ip2" type: "InnerProduct" bottom: "conv" top: "ip2" param { name: "shared" }
  inner_product_param { num_output: 4 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "sum" type: "Eltwise" bottom: "ip" bottom: "ip2" top: "sum" eltwise_param { coeff: 1 coeff: 0.5 } }
layer { name: "acc" type: "Accuracy" bottom: "sum" bottom: "label" top: "acc" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "sum" bottom: "label" top: "loss" }
"""
SOLVER = """
type: "%s" base_lr: 0.02 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.001 random_seed: 5 snapshot_prefix: "x/fan"
max_iter: 5 display: 2 test_iter: 2 test_interval: 3 iter_size: %d debug_info: true
"""
LINE = re.compile(r"\[(?:Forward|Backward)\] .*")
NUMBER = re.compile(r"(?<=[ (])-?[\d.]+(?:e[+-]\d+)?(?=[,);\s]|$)")


@pytest.mark.parametrize(("kind", "size"), [("SGD", 1), ("Nesterov", 2)])
def test_lines_are_those_of_the_pycaffe_solver(small_data, tmp_path, monkeypatch, caplog, kind, size):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small").symlink_to(small_data / "small")
    solver = SOLVER % (kind, size)
    (tmp_path / "solver.prototxt").write_text(f"{solver} net_param {{ {NET} }}")
    text = (tmp_path / "solver.prototxt").read_text()
    result = runs.train("start", small_data, text, changes="max_iter: 0 debug_info: false")
    assert result.session.state.iteration == 0
    start = tmp_path / "start" / "snapshots" / "fan_iter_0.caffemodel"

    caplog.set_level(logging.INFO, "absl")
    runs.train("run", small_data, text, weights=[start])
    ours = lines(caplog)
    caplog.clear()
    monkeypatch.setattr(absl_logging.get_absl_logger(), "level", logging.INFO)
    other = caffe.get_solver("solver.prototxt")
    other.net.copy_from(str(start))
    other.step(5)
    theirs = lines(caplog)
    # Three displays of `size` batches; two tests of two batches each, all of them said.
    assert len(theirs) > 3 * size * 20
    assert [NUMBER.sub("#", line) for line in ours] == [NUMBER.sub("#", line) for line in theirs]
    for mine, his in zip(ours, theirs):
        values = [np.array(NUMBER.findall(line), float) for line in (mine, his)]
        assert len(values[0]) >= 1
        np.testing.assert_allclose(*values, rtol=2e-4, atol=1e-7, err_msg=mine)
    said = "\n".join(ours)
    assert "Layer conv_relu_0_split, top blob conv_relu_0_split_1 data: " in said
    assert "[Backward] Layer conv, param blob 0 diff: " in said
    assert "[Backward] Layer conv, param blob 1" not in said  # lr_mult 0
    assert "[Forward] Layer ip, param blob shared data: " in said
    assert "All net params (data, diff): L1 norm = (" in said


def lines(caplog):
    """The debug lines, those of the last test left out, which Solve makes and Step does not."""
    found = []
    for record in caplog.records:
        text = record.getMessage()
        if text.startswith("Iteration 5"):
            break
        found += LINE.findall(text)
    return found


def test_it_is_followed_in_tensorboard_and_changes_nothing(small_data, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    changes = "max_iter: 9 display: 4 iter_size: 2"
    plain = runs.train(tmp_path / "plain", small_data, changes=changes)
    debug = runs.train(tmp_path / "debug", small_data, changes=f"{changes} debug_info: true")
    for name, array in runs.weights(plain).items():
        np.testing.assert_allclose(runs.weights(debug)[name], array, rtol=0, atol=1e-5 * np.abs(array).max())
    for name, score in plain.scores.items():
        assert debug.scores[name] == pytest.approx(score, rel=1e-4)
    events = EventAccumulator(str(tmp_path / "debug" / "train"), size_guidance={"tensors": 0})
    events.Reload()
    tags = {tag for tag in events.Tags()["tensors"] if tag.startswith("debug/")}
    assert {"debug/data/conv/conv", "debug/data/ip/0", "debug/diff/ip/conv", "debug/diff/conv/1"} <= tags
    assert [event.step for event in events.Tensors("debug/data/conv/conv")] == [0, 4, 8]


def test_it_resumes_exactly_too(small_data, tmp_path):
    """Dropout draws and the place in the data are carried on by the passes that are said."""
    changes = "debug_info: true display: 2"
    whole = runs.train(tmp_path / "whole", small_data, changes=f"{changes} max_iter: 9")
    runs.train(tmp_path / "parts", small_data, changes=f"{changes} max_iter: 4")
    parts = runs.train(tmp_path / "parts", small_data, changes=f"{changes} max_iter: 9")
    runs.same(runs.weights(whole), runs.weights(parts))
    for name, score in whole.scores.items():  # how batches are grouped into calls, and so summed, is a matter of time
        assert parts.scores[name] == pytest.approx(score, rel=1e-6)
