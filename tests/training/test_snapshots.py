"""Caffe's snapshot pairs, both ways: ours hold what Caffe's hold, and a run that Caffe began goes on in ours."""

import contextlib
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import SHARED
from tests.training import runs
from zoo.errors import CheckpointError
from zoo.formats import caffe_pb2, caffemodel, solverstate
from zoo.training import run_data, snapshots

BATCH = 8
GOLDEN = SHARED / "golden" / "solvers"
RUNS = sorted(path.stem for path in GOLDEN.glob("*.npz"))


def memory_feeds(images, labels):
    """Returns a stand-in for `Feeds` that gives a MemoryData layer's arrays in order, wrapping round, as Caffe does."""

    class MemoryFeeds:
        shapes = replica_shapes = {"data": ((BATCH, *images.shape[1:]), (BATCH,))}
        epoch = None

        def __init__(self, definition, *args):
            self.definition = definition

        def fingerprints(self):
            return ()

        def titles(self):
            return ()

        def batches(self, start):
            whole = tf.data.Dataset.from_tensor_slices((images.transpose(0, 2, 3, 1), labels)).repeat()
            return iter(whole.skip(start * BATCH % len(labels)).batch(BATCH, drop_remainder=True))

        def reading(self):
            return contextlib.nullcontext()

    return MemoryFeeds


class Case:
    """One recorded run of Caffe's, and our trainer over its files."""

    def __init__(self, name, folder, monkeypatch):
        self.name, self.folder, self.golden = name, folder, dict(np.load(GOLDEN / f"{name}.npz"))
        monkeypatch.setattr(run_data, "Feeds", memory_feeds(self.golden["data"], self.golden["label"]))
        (folder / "net.prototxt").write_text(str(self.golden["net"]))
        (folder / "solver.prototxt").write_text(str(self.golden["solver"]))
        layers = {}
        for key in self.golden:
            if key.startswith("init/"):
                layers.setdefault(key.split("/")[1], []).append(self.golden[key])
        self.start = folder / "start.caffemodel"
        caffemodel.write(self.start, layers)

    def solver(self, changes):
        return runs.solver_def(runs.prototxt.merge(changes, runs.prototxt.read_solver(self.folder / "solver.prototxt")))

    def train(self, run_dir, changes, **options):
        return runs.trainer.train(
            self.solver(changes), self.folder / run_dir, runs.RunOptions(summaries=False, **options)
        )

    def caffes_pair(self):
        """Copies what Caffe wrote after 15 iterations into the directory; returns the two paths."""
        end = ".h5" if (GOLDEN / f"{self.name}_iter_15.solverstate.h5").exists() else ""
        names = [f"{self.name}_iter_15.{kind}{end}" for kind in ("caffemodel", "solverstate")]
        return [pathlib.Path(shutil.copy(GOLDEN / name, self.folder / name)) for name in names]

    def check(self, result, after):
        for key, array in runs.weights(result).items():
            close(array, self.golden[f"weights@{after}/{key}"], key)


def close(got, want, what):
    assert got.shape == want.shape, what
    assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max(), what


@pytest.fixture
def case(shared, tmp_path, monkeypatch):
    return lambda name: Case(name, tmp_path, monkeypatch)


def test_all_runs_are_here(shared):
    assert len(RUNS) == 30


@pytest.mark.parametrize("name", RUNS)
def test_our_pair_holds_what_caffes_holds(case, name):
    case = case(name)
    case.train("run", "snapshot: 15 max_iter: 30 display: 0", weights=[case.start])
    theirs = case.caffes_pair()
    ours = [case.folder / "run" / "snapshots" / path.name for path in theirs]
    got, want = map(caffemodel.read, (ours[0], theirs[0]))
    assert list(got) == list(want)
    for layer in want:
        assert len(got[layer]) == len(want[layer])
        for index, array in enumerate(want[layer]):
            close(np.asarray(got[layer][index]), np.asarray(array), f"{layer}/{index}")
    got, want = map(solverstate.read, (ours[1], theirs[1]))
    assert (got.iteration, got.current_step) == (want.iteration, want.current_step) == (15, want.current_step)
    assert pathlib.Path(got.learned_net) == ours[0]
    assert len(got.history) == len(want.history)
    for index, array in enumerate(want.history):
        close(got.history[index], array, f"history {index}")
    if theirs[0].suffix != ".h5":
        assert described(ours[0]) == described(theirs[0])


def described(path):
    """What a binary file says besides numbers: layers in order, types, blob names, shapes of arrays."""
    net = caffe_pb2.NetParameter.FromString(path.read_bytes())
    layers = [
        (layer.name, layer.type, list(layer.bottom), list(layer.top), [list(blob.shape.dim) for blob in layer.blobs])
        for layer in net.layer
    ]
    return net.name, layers


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_caffe_began_goes_on(case, name):
    """From Caffe's files to iteration 30; and from our own checkpoint on the way there, to the same bits."""
    case = case(name)
    _, state = case.caffes_pair()
    result = case.train("run", "snapshot: 10 max_iter: 30 display: 1", snapshot=state)
    case.check(result, 30)
    again = case.train(
        "again", "snapshot: 10 max_iter: 30 display: 1", snapshot=case.folder / "run" / "checkpoints" / "ckpt-20"
    )
    for key, array in runs.weights(result).items():
        assert np.array_equal(array, runs.weights(again)[key]), key
    rates = [line.rpartition("lr = ")[2] for line in log(case.folder / "run") if ", lr = " in line]
    np.testing.assert_allclose(np.array(rates, float), case.golden["lr"][15:], rtol=2e-5)


def log(run_dir):
    return (run_dir / "train.log").read_text().splitlines()


def multistep(steps):
    return f'lr_policy: "multistep" gamma: 0.5 stepvalue: {" stepvalue: ".join(map(str, steps))} display: 1'


def rates(run_dir):
    return [float(line.rpartition("lr = ")[2]) for line in log(run_dir) if ", lr = " in line]


def test_drops_of_the_rate_that_a_state_has_behind_it_stay_behind(small_data, tmp_path):
    """Caffe keeps current_step: a run whose steps were elsewhere resumes from that count, not from the file's."""
    runs.train(tmp_path / "a", small_data, changes=f"{multistep([1, 2])} max_iter: 4 snapshot_after_train: true")
    state = next((tmp_path / "a" / "snapshots").glob("*_iter_4.solverstate"))
    assert solverstate.read(state).current_step == 2
    later = f"{multistep([6, 7, 9, 40])} snapshot: 2"
    runs.train(tmp_path / "b", small_data, changes=f"{later} max_iter: 5", snapshot=state)
    runs.train(tmp_path / "b", small_data, changes=f"{later} max_iter: 12")
    # Two of the four steps count as passed, so the next is 9; our own checkpoint at 5 has to remember that.
    assert rates(tmp_path / "b") == [0.005] * 5 + [0.0025] * 3
    assert solverstate.read(tmp_path / "b" / "snapshots" / "small_iter_12.solverstate").current_step == 3


def test_the_pair_names_the_iteration_and_goes_below_the_run_folder(small_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs.train("run", small_data, changes='max_iter: 11 snapshot_prefix: "examples/mnist/lenet"')
    assert sorted(path.name for path in (tmp_path / "run" / "snapshots").iterdir()) == [
        f"lenet_iter_{iteration}.{kind}" for iteration in (11, 8) for kind in ("caffemodel", "solverstate")
    ]
    assert not (tmp_path / "examples").exists()
    absolute = f'snapshot_format: HDF5 snapshot_prefix: "{tmp_path}/x/y"'
    runs.train("run", small_data, changes=f"max_iter: 13 {absolute}")
    pair = {"y_iter_13.caffemodel.h5", "y_iter_13.solverstate.h5"}
    assert pair < {path.name for path in (tmp_path / "run" / "snapshots").iterdir()} and not (tmp_path / "x").exists()
    said = f"snapshots go to run/snapshots/y, not to the config's snapshot_prefix {tmp_path}/x/y outside"
    assert (tmp_path / "run" / "train.log").read_text().count(said) == 1
    runs.train("run", small_data, changes=f"max_iter: 14 {absolute}", allow_paths=True)
    assert {path.name for path in (tmp_path / "x").iterdir()} == {name.replace("13", "14") for name in pair}
    assert (tmp_path / "run" / "train.log").read_text().count(said) == 1


@pytest.mark.parametrize(
    ("given", "file", "name"),
    [
        ("", "configs/lenet.prototxt", "run/snapshots/lenet"),
        ("a/b/c", "configs/lenet.prototxt", "run/snapshots/c"),
        ("a/b/", "configs/lenet.prototxt", "run/snapshots/lenet"),
        ("../../c", "configs/lenet.prototxt", "run/snapshots/c"),
        ("a/..", "configs/lenet.prototxt", "run/snapshots/lenet"),
        ("/abs/c", "configs/lenet.prototxt", "run/snapshots/c"),
        ("/abs/c/", "configs/lenet.prototxt", "run/snapshots/lenet"),
        ("/abs/../..", "configs/lenet.prototxt", "run/snapshots/lenet"),
    ],
)
def test_prefix(given, file, name):
    parsed = runs.prototxt.parse_solver(runs.SOLVER, file)
    if given:
        parsed = runs.prototxt.merge(f'snapshot_prefix: "{given}"', parsed)
    assert snapshots.prefix(runs.solver_def(parsed), "run") == name
    allowed = snapshots.prefix(runs.solver_def(parsed), "run", allow_paths=True)
    assert allowed == (given if given.startswith("/") else name)


def test_old_pairs_go_where_that_is_asked_for(small_data, tmp_path):
    (tmp_path / "run" / "snapshots").mkdir(parents=True)
    other = tmp_path / "run" / "snapshots" / "smaller_iter_1.caffemodel"
    other.write_bytes(b"not ours to remove")
    runs.train(tmp_path / "run", small_data, changes="snapshot: 3 max_iter: 12", keep_checkpoints=3, keep_snapshots=2)
    left = {path.name for path in (tmp_path / "run" / "snapshots").iterdir()} - {other.name}
    assert left == {f"small_iter_{n}.{kind}" for n in (9, 12) for kind in ("caffemodel", "solverstate")}
    kept = {path.stem for path in (tmp_path / "run" / "checkpoints").glob("*.index")}
    assert kept == {"ckpt-6", "ckpt-9", "ckpt-12"}
    assert other.exists()


def diffs_in(path):
    net = caffe_pb2.NetParameter.FromString(path.read_bytes())
    return {
        (layer.name, i): np.array(blob.diff, np.float32).reshape(blob.shape.dim)
        for layer in net.layer
        for i, blob in enumerate(layer.blobs)
        if blob.diff
    }


def test_without_snapshot_diff_there_are_none(small_data, tmp_path):
    runs.train(tmp_path / "run", small_data, changes="max_iter: 2")
    assert diffs_in(tmp_path / "run" / "snapshots" / "small_iter_2.caffemodel") == {}


def test_a_state_of_another_solver_is_refused(small_data, tmp_path):
    runs.train(tmp_path / "adam", small_data, changes='type: "Adam" max_iter: 2')
    state = tmp_path / "adam" / "snapshots" / "small_iter_2.solverstate"
    with pytest.raises(CheckpointError, match="number of history arrays for SGD and 4 parameters, got 8, want 4"):
        runs.train(tmp_path / "sgd", small_data, snapshot=state)


def test_a_state_whose_weights_are_gone_is_refused(small_data, tmp_path):
    runs.train(tmp_path / "run", small_data, changes="max_iter: 2")
    folder = tmp_path / "run" / "snapshots"
    (folder / "small_iter_2.caffemodel").unlink()
    with pytest.raises(CheckpointError, match="names weights that are not there"):
        runs.train(tmp_path / "other", small_data, snapshot=folder / "small_iter_2.solverstate")


def test_a_pair_that_was_moved_is_found_beside_its_state(small_data, tmp_path):
    first = runs.train(tmp_path / "run", small_data, changes="max_iter: 2")
    shutil.move(tmp_path / "run" / "snapshots", tmp_path / "elsewhere")
    state = tmp_path / "elsewhere" / "small_iter_2.solverstate"
    second = runs.train(tmp_path / "other", small_data, changes="max_iter: 2", snapshot=state)
    assert second.session.state.iteration == 2
    assert np.array_equal(runs.weights(first)["ip/0"], runs.weights(second)["ip/0"])


def test_back_to_an_earlier_checkpoint_of_the_same_folder(small_data, tmp_path):
    """--restart --snapshot=run/checkpoints/ckpt-8: the directory moves aside, the checkpoint is found where it is."""
    whole = runs.train(tmp_path / "run", small_data)
    earlier = tmp_path / "run" / "checkpoints" / "ckpt-8.index"
    again = runs.train(tmp_path / "run", small_data, snapshot=earlier, restart=True)
    assert "Resuming at iteration 8" in "\n".join(log(tmp_path / "run"))
    assert np.array_equal(runs.weights(whole)["ip/0"], runs.weights(again)["ip/0"])
    assert whole.scores == again.scores
