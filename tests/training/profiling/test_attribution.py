"""Events of a trace -> time by layer, as tables and for the viewers. No TensorFlow but for the last test's messages."""

import gzip
import json

import pytest

from zoo.converters.scopes import layer_index, scope
from zoo.training.profiling import attribution, chrome_trace, table
from zoo.training.profiling.xplane import Event

LAYERS = [("data", "Data"), ("conv1", "Convolution"), ("a/b", "ReLU")]


def event(name, kind, milliseconds, start=0.0, thread="tf_Compute/1"):
    """An `Event` that spends all its time itself."""
    return Event(name, kind, "/host:CPU", thread, start, milliseconds * 1e6, milliseconds * 1e6)


EVENTS = [
    event("while/body/_1/while/layer.1.conv1/BiasAdd", "FusedConv2D", 2),
    event("while/body/_1/while/layer.1.conv1/BiasAdd", "FusedConv2D", 4, start=9e6),
    event("while/body/_1/gradient_tape/while/layer.1.conv1/convolution/Grad", "Conv2DBackpropFilter", 6),
    event("while/body/_1/while/layer.2.a__b/Relu", "Relu", 1),
    event("while/body/_1/while/sgd/Apply", "ApplyGradientDescent", 1),
    event("DecodeRaw", "DecodeRaw", 1, thread="tf_data_private_threadpool/1"),
    event("while/body/_1/while/Less", "Less", 1),
    event("ExecutorState::Process", "", 100),
]


def test_a_layer_is_known_by_its_scope():
    assert layer_index(f"x/{scope(12, 'conv')}/Conv2D") == 12
    assert layer_index("layer.3.a/b") == 3 and layer_index("while/mylayer.3.a/b") is None and layer_index("x") is None


def test_time_is_told_apart_by_layer_and_part():
    found = attribution.spent(EVENTS, "sgd")
    parts = {(one.layer, one.part): (one.count, round(1000 * one.seconds, 6)) for one in found}
    assert parts == {
        (1, "forward"): (2, 6), (1, "backward"): (1, 6), (2, "forward"): (1, 1), (None, "update"): (1, 1),
        (None, "data"): (1, 1), (None, "other"): (1, 1),
    }  # fmt: skip
    assert (
        found[0].name == "gradient_tape/while/layer.1.conv1/convolution/Grad"
        and found[1].name == "layer.1.conv1/BiasAdd"
    )


def test_tables():
    lines = table.text(attribution.spent(EVENTS, "sgd"), LAYERS, 10, 12).splitlines()
    begin = next(k for k, line in enumerate(lines) if line.startswith("layer"))
    assert [line.split() for line in lines[begin : begin + 3]] == [
        ["layer", "type", "forward", "ms", "backward", "ms", "share"],
        ["conv1", "Convolution", "3.000", "3.000", "75.0%"],
        ["a/b", "ReLU", "0.500", "0.000", "6.2%"],
    ]
    assert "(reading data)" in lines[begin + 3] and any("Conv2DBackpropFilter" in line for line in lines)
    assert lines[0].startswith("Iterations 10 to 11.")


def test_the_trace_for_browsers():
    data = chrome_trace.compressed(EVENTS, LAYERS)
    assert data == chrome_trace.compressed(EVENTS, LAYERS)
    whole = json.loads(gzip.decompress(data))["traceEvents"]
    bars = [bar for bar in whole if bar["ph"] == "X"]
    assert [bar["name"] for bar in bars[:3]] == [
        "conv1: FusedConv2D", "conv1: FusedConv2D", "conv1 backward: Conv2DBackpropFilter",
    ]  # fmt: skip
    assert bars[1]["ts"] == 9000 and bars[1]["dur"] == 4000 and bars[0]["args"]["type"] == "Convolution"
    threads = {bar["args"]["name"] for bar in whole if bar["name"] == "thread_name"}
    assert threads == {"tf_Compute/1", "tf_data_private_threadpool/1"}


def test_nothing_was_traced():
    assert attribution.spent([], "sgd") == []
    assert "layer" in table.text([], LAYERS, 0, 1) and json.loads(gzip.decompress(chrome_trace.compressed([], LAYERS)))


@pytest.mark.parametrize("layers", [[], LAYERS])
def test_of_no_layers(layers):
    assert table.layer_lines(attribution.spent(EVENTS[-3:], "sgd"), layers, 1)
