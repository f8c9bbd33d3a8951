"""Iterations of a run under TensorFlow's profiler."""

import pathlib
import types

import pytest
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from zoo.errors import DataError, SolverError
from zoo.training.profiling import xplane
from zoo.training.profiling.profiler import Profiler
from zoo.training.run_options import RunOptions


def test_what_an_event_spends_itself():
    space = xplane_pb2.XSpace()
    plane = space.planes.add(name="/host:CPU")
    for number, (name, shown) in enumerate([("outer", ""), ("while/a/Conv:Conv", "Conv"), ("b:Relu", "Relu")]):
        plane.event_metadata[number].name, plane.event_metadata[number].display_name = name, shown
    line = plane.lines.add(name="t", timestamp_ns=100)
    for number, start, duration in ((1, 1000, 4000), (0, 0, 10_000), (2, 2000, 1000)):
        line.events.add(metadata_id=number, offset_ps=start, duration_ps=duration)
    space.planes.add(name="/host:metadata").lines.add().events.add()
    found = xplane.events(space.SerializeToString())
    assert [(e.name, e.kind, e.start, e.duration, e.own) for e in found] == [
        ("outer", "", 0, 10, 6), ("while/a/Conv", "Conv", 1, 4, 3), ("b", "Relu", 2, 1, 1),
    ]  # fmt: skip
    with pytest.raises(DataError, match="no trace"):
        xplane.events(b"\xff\xff")


def test_kernels_of_a_gpu_belong_to_the_operation_that_their_statistics_name():
    space = xplane_pb2.XSpace()
    plane = space.planes.add(name="/device:GPU:0")
    plane.event_metadata[1].name = "void cutlass::kernel"
    plane.stat_metadata[1].name, plane.stat_metadata[2].name = "tf_op", "while/layer.1.c/Conv2D:Conv2D"
    event = plane.lines.add(name="Stream #1").events.add(metadata_id=1, duration_ps=3000)
    event.stats.add(metadata_id=1, ref_value=2)
    (found,) = xplane.events(space.SerializeToString())
    assert (found.name, found.kind, found.own) == ("while/layer.1.c/Conv2D", "Conv2D", 3)


@pytest.mark.parametrize("interval", [(5, 5), (-1, 3), (0, 201)])
def test_no_iterations(interval):
    with pytest.raises(SolverError, match="no iterations to profile"):
        RunOptions(profile=interval)


def test_iterations_that_no_run_makes_are_refused(tmp_path, caplog):
    profiler = Profiler(tmp_path, (24, 30), None, "sgd")
    profiler.check(0, 25)
    profiler.check(29, 40)
    for begin in (0, 24):
        with pytest.raises(SolverError, match="none of the iterations to profile is made.*less than max_iter, 24"):
            profiler.check(begin, 24)
    assert not caplog.records
    profiler.check(30, 40)  # the same command again: it continues
    assert "Nothing is profiled: iterations 24 to 29 have been made already" in caplog.text
    assert [profiler.stops(k) for k in (0, 24, 30)] == [[24, 30], [30], []]


def test_a_run_that_resumes_among_the_iterations_says_those_that_it_made(tmp_path, monkeypatch):
    traced = tf.profiler.experimental
    monkeypatch.setattr(traced, "start", lambda folder, options: pathlib.Path(folder, "a.xplane.pb").write_bytes(b""))
    monkeypatch.setattr(traced, "stop", lambda: None)
    profiler = Profiler(tmp_path, (24, 30), types.SimpleNamespace(layers=[]), "sgd")
    for start, until in ((26, 28), (28, 30)):
        with profiler.around(start, until):
            pass
    assert {path.name for path in (tmp_path / "profile").iterdir()} == {
        "iterations-26-30.txt", "iterations-26-30.trace.json.gz"
    }  # fmt: skip
    assert (tmp_path / "profile" / "iterations-26-30.txt").read_text().startswith("Iterations 26 to 29.")
