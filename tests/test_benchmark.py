"""`python -m zoo.benchmark`: what it times, what it says; no test looks at how long something took."""

import pathlib
import re

import numpy as np
import pytest

from tests.training.fork_server import ForkServer
from zoo.errors import DataError, NetError
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.timing import benchmark, report
from zoo.timing.feed_time import FeedTime, feed_time
from zoo.timing.layers import LayerTime, layer_times
from zoo.timing.timed_net import open_feeds, open_source, timed_net
from zoo.timing.whole_net import WholeTime, whole_times

ROOT = pathlib.Path(__file__).resolve().parents[1]

NET = """
name: "toy"
layer { name: "pairs" type: "DummyData" top: "data" top: "label" dummy_data_param {
  shape { dim: 6 dim: 3 dim: 9 dim: 7 } shape { dim: 6 } data_filler { type: "gaussian" } data_filler { value: 1 } } }
layer { name: "fixed" type: "Convolution" bottom: "data" top: "fixed" param { lr_mult: 0 } param { lr_mult: 0 }
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "fixed" top: "fixed" }
layer { name: "conv" type: "Convolution" bottom: "fixed" top: "conv"
  convolution_param { num_output: 8 kernel_h: 3 kernel_w: 1 group: 2 weight_filler { type: "xavier" } } }
layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip" inner_product_param { num_output: 5 } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
DEPLOY = """
name: "toy"
layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 9 dim: 7 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "prob" type: "Softmax" bottom: "conv" top: "prob" }
"""
DATA = """
layer { name: "images" type: "Data" top: "data" top: "label" data_param { source: "nowhere" batch_size: 4 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip" inner_product_param { num_output: 5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


@pytest.fixture
def source(tmp_path):
    """Writes a config; returns its opened `ConfigNet`."""

    def write(text, **options):
        path = tmp_path / "net.prototxt"
        path.write_text(text)
        return open_source(str(path), **options)

    return write


def by_name(times):
    return {time.name: time for time in times}


def test_each_layer_has_its_shape_its_work_and_a_backward_where_a_gradient_passes(source):
    timed = timed_net(source(NET))
    called = []
    times = by_name(layer_times(timed.net, timed.batch, 2, lambda: called.append(1)))
    assert list(times) == ["fixed", "relu", "conv", "drop", "ip", "accuracy", "loss"]
    assert len(called) == 7
    assert all(time.forward > 0 for time in times.values())
    assert times["conv"].tops == ((6, 8, 5, 5),)
    assert times["conv"].multiply_adds == 6 * 8 * 5 * 5 * 3 * 2
    assert times["ip"].multiply_adds == 6 * 5 * 8 * 5 * 5
    # Nothing is learned up to "conv", and Accuracy sends no gradient.
    without = [name for name, time in times.items() if time.backward is None]
    assert without == ["fixed", "relu", "accuracy"]


def test_the_whole_net_is_timed_as_often_as_asked(source):
    timed, rounds = timed_net(source(NET)), []
    whole = whole_times(timed.net, timed.batch, 3, after_round=lambda: rounds.append(1))
    assert [len(whole.forward), len(whole.both), len(rounds)] == [3, 3, 3]
    assert whole.step is None


def test_a_net_to_deploy_has_a_backward_from_its_outputs(source):
    timed = timed_net(source(DEPLOY, phase="TEST"))
    assert timed.made == {"in": "an Input layer"}
    times = by_name(layer_times(timed.net, timed.batch, 1))
    assert times["conv"].backward is not None and times["prob"].backward is not None
    whole_times(timed.net, timed.batch, 1)


@pytest.mark.parametrize(("text", "shape"), [(DEPLOY, (5, 3, 9, 7)), (NET, (5, 3, 9, 7))])
def test_the_batch_size_replaces_axis_0_of_every_input(source, text, shape):
    timed = timed_net(source(text, batch_size=5))
    assert timed.net.shapes[timed.net.inputs[0]] == shape
    assert timed.items == 5
    assert {x.shape[0] for x in timed.batch} == {5}


def test_without_data_the_numbers_are_made_up_and_labels_are_labels(source):
    opened = source(DATA, batch_size=3)
    with pytest.raises(NetError, match="--input_shape"):
        timed_net(opened)
    timed = timed_net(opened, shapes={"data": (1, 2, 6, 5)})
    data, label = (np.asarray(x) for x in timed.batch)
    assert data.shape == (3, 6, 5, 2) and data.std() > 1
    assert label.shape == (3,) and not label.any()
    assert "nowhere" in timed.made["images"]
    assert not timed.feeds
    assert whole_times(timed.net, timed.batch, 1).both


def test_data_layers_alone(source):
    opened = source(NET)
    (feed,), missing = open_feeds(opened.definition)
    assert not missing
    found = feed_time(feed, 3, least=0)
    assert (found.items, found.bytes) == (18, 3 * (6 * 3 * 9 * 7 + 6) * 4)
    assert found.items_per_second * found.batch_seconds == pytest.approx(6)
    lines = benchmark.data_only(opened, 1).lines()[0].splitlines()
    assert re.match(r"pairs +DummyData +6x3x9x7, 6 ", lines[2])


def test_data_only_needs_data(source):
    with pytest.raises(DataError, match="nowhere"):
        benchmark.data_only(source(DATA), 1)
    with pytest.raises(NetError, match="no data layer"):
        benchmark.data_only(source(DEPLOY), 1)


def test_report_adds_up_and_names_the_slower_side():
    layers = [
        LayerTime("conv", "Convolution", ((2, 3, 4, 5),), 0.004, 0.006, 2_000_000),
        LayerTime("accuracy", "Accuracy", ((),), 0.001, None, 0),
    ]
    rows = [re.split(r" {2,}", line) for line in report.layer_lines(layers)]
    assert rows[2] == ["conv", "Convolution", "2x3x4x5", "4.000", "6.000", "4.0", "1.0"]
    assert rows[3] == ["accuracy", "Accuracy", "scalar", "1.000"]
    assert rows[4] == ["sum of layers", "5.000", "6.000", "4.0"]
    whole = WholeTime([0.01], [0.03], [0.04])
    assert re.split(r" {2,}", report.whole_lines(whole, 8)[-1])[1:] == ["40.000", "40.000", "200.0"]
    slow = FeedTime("data", "Data", ((8, 3, 4, 5),), 80, 80, 0.8)
    quick = FeedTime("data", "Data", ((8, 3, 4, 5),), 80, 80, 0.2)
    assert report.verdict([slow], whole, 8).startswith("Bottleneck: the input pipeline. The input pipeline gives 100.0")
    assert report.verdict([quick], whole, 8).startswith("Bottleneck: the net. The input pipeline gives 400.0")
    assert report.verdict([quick] * 4, whole, 8).startswith("Bottleneck: the input pipeline")
    assert report.verdict([], whole, 8) == ""


def test_definitions_are_not_changed_by_another_batch_size(source):
    definition = net_def(parse_net(NET), "TRAIN")
    before = definition.layers[0].message.SerializeToString()
    opened = source(NET, batch_size=5)
    assert definition.layers[0].message.SerializeToString() == before
    assert opened.net.message.layer[0].dummy_data_param.shape[0].dim[0] == 6


def test_the_command(tmp_path):
    solver = tmp_path / "solver.prototxt"
    solver.write_text(f'base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 max_iter: 5 net_param {{ {NET} }}')
    bad = tmp_path / "bad.prototxt"
    bad.write_text(DATA)
    with ForkServer() as server:
        done = server.run(f"--config={solver}", "--iterations=2", "--batch_size=4", module="zoo.benchmark")
        failed = server.run(f"--config={bad}", "--data_only", module="zoo.benchmark")
        taught = server.run("--help", module="zoo.benchmark")
        assert done.returncode == 0, done.stderr
        said = [line.split("] ", 1)[-1] for line in done.stderr.splitlines()]
        for line in ("*** Benchmark begins ***", "Testing for 2 iterations.", "*** Benchmark ends ***"):
            assert line in said
        # The forms that caffe.cpp:368-386 prints.
        number = r"[0-9.e+-]+ ms\."
        for name in ("pairs", "conv", "loss"):
            assert any(re.fullmatch(rf" *{name}\tforward: {number}", line) for line in said)
            assert any(re.fullmatch(rf" *{name}\tbackward: {number}", line) for line in said)
        for what in ("Average Forward pass", "Average Backward pass", "Average Forward-Backward", "Total Time"):
            assert any(re.fullmatch(f"{what}: {number}", line) for line in said)
        assert "4x8x5x5" in done.stdout
        assert "sum of layers" in done.stdout and "and update: a training iteration" in done.stdout
        assert re.search(r"^Bottleneck: the (net|input pipeline)\.", done.stdout, re.MULTILINE)
        assert failed.returncode == 1
        assert failed.stderr.splitlines()[-1].startswith(f'error: {bad}:2: layer "images" (Data)')
        assert "Traceback" not in failed.stderr
        assert "caffe time" in taught.stdout + taught.stderr
