"""Solver state against the files that Caffe wrote, and against damage."""

import dataclasses
import os
import random
import resource

import h5py
import numpy as np
import pytest

from zoo.errors import WeightsError
from zoo.formats import caffe_pb2, caffemodel, solverstate

BINARY = ["sgd-00", "sgd-18", "adadelta-10", "adam-29", "rmsprop-27", "nesterov-13"]
HDF5 = ["nesterov-01", "adadelta-16", "adagrad-26", "rmsprop-15"]
OLD = "pretrained/cifar10_quick_v1_iter_4000.solverstate"


@pytest.fixture
def state():
    rng = np.random.default_rng(5)
    history = tuple(rng.standard_normal(shape, np.float32) for shape in ((3, 2, 5, 4), (3,), ()))
    return solverstate.SolverState(300, "runs/größe_iter_300.caffemodel", history, 2)


def same(got, want):
    assert (got.minimum_loss, got.iter_last_event) == (want.minimum_loss, want.iter_last_event)
    assert (got.iteration, got.learned_net, got.current_step) == (want.iteration, want.learned_net, want.current_step)
    assert [a.shape for a in got.history] == [a.shape for a in want.history]
    for a, b in zip(got.history, want.history):
        assert a.dtype == np.float32
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("case", BINARY)
def test_binary_is_read_as_protobuf_does_and_written_byte_for_byte(shared, case, tmp_path):
    path = shared / f"golden/solvers/{case}_iter_15.solverstate"
    want = caffe_pb2.SolverState.FromString(path.read_bytes())
    got = solverstate.read(path)
    assert (got.iteration, got.learned_net, got.current_step) == (15, want.learned_net, want.current_step)
    assert len(got.history) == len(want.history)
    for array, blob in zip(got.history, want.history):
        np.testing.assert_array_equal(array, np.float32(blob.data).reshape(tuple(blob.shape.dim)), strict=True)
    solverstate.write(tmp_path / "out.solverstate", got)
    assert (tmp_path / "out.solverstate").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("case", HDF5)
def test_hdf5_is_written_as_caffe_wrote_it(shared, case, tmp_path):
    path = shared / f"golden/solvers/{case}_iter_15.solverstate.h5"
    got = solverstate.read(path)
    assert got.iteration == 15
    assert got.learned_net.endswith(f"/{case}_iter_15.caffemodel.h5")
    weights = caffemodel.read(path.with_name(f"{case}_iter_15.caffemodel.h5"))
    shapes = [array.shape for arrays in (weights["conv"], weights["ip"]) for array in arrays]
    assert [array.shape for array in got.history] == shapes * (2 if case.startswith("ada") and "delta" in case else 1)
    solverstate.write(tmp_path / "out.solverstate.h5", got)
    assert tree(tmp_path / "out.solverstate.h5") == tree(path)


def tree(path):
    found = {}

    def add(name, item):
        group = isinstance(item, h5py.Group)
        found[name] = (
            None if group else (item.shape, item.id.get_type().encode(), item.chunks, np.asarray(item).tolist())
        )

    with h5py.File(path) as file:
        file.visititems(add)
    return found


def test_history_of_an_old_file_has_rank_4(shared):
    got = solverstate.read(shared / OLD)
    assert got.iteration == 4000
    assert got.history[1].shape == (1, 1, 1, 32) and got.history[6].shape == (1, 1, 64, 1024)


@pytest.mark.parametrize("name", ["a.solverstate", "a.solverstate.h5"])
def test_round_trip(state, name, tmp_path):
    solverstate.write(tmp_path / name, state)
    same(solverstate.read(tmp_path / name), state)
    of_ssd = dataclasses.replace(state, minimum_loss=0.375, iter_last_event=290)  # its policy "plateau"
    solverstate.write(tmp_path / name, of_ssd)
    same(solverstate.read(tmp_path / name), of_ssd)
    if name.endswith("state"):
        message = caffe_pb2.SolverState.FromString((tmp_path / name).read_bytes())
        assert (message.minimum_loss, message.iter_last_event) == (0.375, 290)
    plain = solverstate.SolverState(0, None, ())
    solverstate.write(tmp_path / name, plain)
    same(solverstate.read(tmp_path / name), plain)


def _weights(path, state):
    caffemodel.write(path, {"ip": list(state.history)})


def _text(path, state):
    path.write_text('net: "lenet.prototxt"\nbase_lr: 0.01\n')


def _no_iteration(path, state):
    path.write_bytes(caffe_pb2.SolverState(learned_net="a", current_step=3).SerializeToString())


def _negative(path, state):
    path.write_bytes(caffe_pb2.SolverState(iter=-1).SerializeToString())


def _bad_blob(path, state):
    message = caffe_pb2.SolverState(iter=1)
    message.history.add(data=[1, 2, 3]).shape.dim.extend([2, 2])
    path.write_bytes(message.SerializeToString())


def _not_utf8(path, state):
    path.write_bytes(caffe_pb2.SolverState(iter=1, learned_net="abc").SerializeToString().replace(b"abc", b"a\xffc"))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path, state: None, "no such file"),
        (lambda path, state: path.mkdir(), "is a directory"),
        (lambda path, state: path.touch(), "is empty"),
        (_weights, r"not a Caffe solver state \(this looks like a .caffemodel\)"),
        (_text, "text, such as a prototxt"),
        (_no_iteration, "no iteration"),
        (_negative, "iter out of range, got -1"),
        (_bad_blob, r"shape \(2, 2\), got 3 values, want 4"),
        (_not_utf8, "learned_net is not UTF-8"),
    ],
)
def test_files_that_are_no_solver_state(make, says, state, tmp_path):
    make(tmp_path / "s", state)
    with pytest.raises(WeightsError, match=says) as caught:
        solverstate.read(tmp_path / "s")
    assert "\n" not in str(caught.value) and str(tmp_path / "s") in str(caught.value)


def _plateau(file, losses):
    file["minimum_loss"], file["iter_last_event"] = np.array(losses, np.float32), np.array([1], np.int32)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda file: file.pop("history"), "no group /history"),
        (lambda file: file.pop("iter"), "no iter in it"),
        (lambda file: file.pop("current_step"), "no current_step in it"),
        (lambda file: file["history"].pop("1"), "/history is not numbered"),
        (lambda file: file["history"].move("1", "01"), "/history is not numbered"),
        (lambda file: file["iter"].write_direct(np.array([-4], np.int32)), "iter out of range, got -4"),
        (
            lambda file: (file.pop("learned_net"), file.create_dataset("learned_net", data=7)),
            "learned_net is no string",
        ),
        (lambda file: _plateau(file, []), "no minimum_loss in it, got .* want one number"),
        (lambda file: _plateau(file, [0.5, 0.25]), "no minimum_loss in it"),
        (lambda file: h5py.h5g.create(file["history"].id, b"\xff"), "is not an array"),
        (lambda file: (file.pop("history"), file.create_group("data")), "looks like a .caffemodel.h5"),
    ],
)
def test_hdf5_that_is_no_solver_state(change, says, state, tmp_path):
    solverstate.write(tmp_path / "s.h5", state)
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        change(file)
    with pytest.raises(WeightsError, match=says) as caught:
        solverstate.read(tmp_path / "s.h5")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["", ".h5"])
def test_damage_is_an_error_or_another_reading_but_never_a_crash(suffix, state, tmp_path):
    solverstate.write(tmp_path / f"good{suffix}", state)
    good = (tmp_path / f"good{suffix}").read_bytes()
    chance, path, refused = random.Random(4), tmp_path / "bad", 0
    cuts = [good[:size] for size in range(0, len(good), max(1, len(good) // 200))]
    for data in cuts:
        path.write_bytes(data)
        try:  # a cut between two fields cannot be seen, but then something lacks
            assert len(solverstate.read(path).history) < 3 or len(data) >= len(good) - 2
        except WeightsError:
            refused += 1
    assert refused >= len(cuts) - 6
    for _ in range(300):
        changed = bytearray(good)
        changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(changed)
        try:
            solverstate.read(path)
        except WeightsError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("suffix", ["", ".h5"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(suffix, state, tmp_path):
    path = tmp_path / f"s{suffix}"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, before[1]))
    try:
        with pytest.raises(WeightsError, match="cannot be written, got File too large"):
            solverstate.write(path, state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == [path.name]
