"""The lines of Caffe's start: those of real Caffe's log, and none of them with --nolog_nets."""

import gzip
import re

import pytest

from tests.training.runs import make_data, train
from zoo.formats import prototxt
from zoo.netdef.net import net_def
from zoo.training.start_log import net_lines

LEFT_OUT = re.compile("Opened lmdb|The NetState phase|Initializing net")


def said(text):
    """The messages of a log, without glog's prefix."""
    return [line.partition("] ")[2] for line in text.splitlines() if re.match(r"I\d+ ", line)]


def test_as_in_caffes_own_log(shared):
    folder = shared / "golden" / "lenet"
    log = said(gzip.decompress((folder / "caffe_lenet_500.log.gz").read_bytes()).decode())
    start, rest = 0, [line for line in log if not LEFT_OUT.match(line)]
    parsed = prototxt.read_net(folder / "lenet_train_test.prototxt")
    for phase, batch in (("TRAIN", 64), ("TEST", 100)):
        definition = net_def(parsed, phase)
        ours = list(net_lines(definition, {definition.layers[0].tops[0]: ((batch, 1, 28, 28), (batch,))}))
        start = rest.index("Creating layer mnist", start)
        assert ours == rest[start : start + len(ours)] and ours[-1] == "Network initialization done."
        start += len(ours)
    assert rest[start] == "Solver scaffolding done."


@pytest.mark.parametrize(
    "weight, lr, words",
    [("", 1, "needs"), ("loss_weight: 0", 1, "does not need"), ("loss_weight: 2.5", 0, "does not need")],
)
def test_what_needs_a_backward_pass(weight, lr, words):
    text = f"""
    layer {{ name: "x" type: "Input" top: "x" top: "y"
      input_param {{ shape {{ dim: 2 dim: 3 }} shape {{ dim: 2 dim: 4 }} }} }}
    layer {{ name: "ip" type: "InnerProduct" bottom: "x" top: "ip" param {{ lr_mult: {lr} }} param {{ lr_mult: {lr} }}
      inner_product_param {{ num_output: 4 }} }}
    layer {{ name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" {weight} }}
    """
    lines = list(net_lines(net_def(prototxt.parse_net(text), "TRAIN"), {}))
    assert f"ip {words} backward computation." in lines
    assert "loss -> (automatic)" in lines and "Top shape: (1)" in lines
    assert ("    with loss weight 2.5" in lines) == ("2.5" in weight)


def test_a_run_says_them_or_not(tmp_path):
    make_data(tmp_path)
    train(tmp_path / "a", tmp_path, changes="max_iter: 1", summaries=False)
    train(tmp_path / "b", tmp_path, changes="max_iter: 1", summaries=False, log_nets=False)
    lines = said((tmp_path / "a" / "train.log").read_text())
    assert lines[0] == "Creating training net specified in net_param."
    assert "Creating test net (#0) specified by net_param" in lines
    assert lines.count("Network initialization done.") == 2
    assert lines.index("Solver scaffolding done.") < lines.index("Solving small")
    assert "conv1" not in (tmp_path / "b" / "train.log").read_text()
    assert said((tmp_path / "b" / "train.log").read_text())[0] == "Solving small"
