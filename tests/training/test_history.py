"""What a .solverstate holds of blobs that are not learned, by a rule in NumPy; and the diffs next to the weights."""

import h5py
import numpy as np
import pytest

from tests.solvers import reference
from tests.training import runs
from zoo.formats import caffe_pb2, caffemodel, solverstate

NORMED = runs.SOLVER.replace(
    '  layer { name: "relu"',
    """  layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv"
    batch_norm_param { moving_average_fraction: 0.8 } }
  layer { name: "still" type: "Scale" bottom: "conv" top: "conv" param { lr_mult: 0 decay_mult: 3 }
    scale_param { filler { type: "gaussian" mean: 1 std: 0.2 } } }
  layer { name: "relu\"""",
)
KINDS = {
    "SGD": {"momentum": 0.9},
    "Nesterov": {"momentum": 0.9},
    "AdaGrad": {"delta": 1e-7},
    "RMSProp": {"rms_decay": 0.9, "delta": 1e-7},
    "AdaDelta": {"momentum": 0.9, "delta": 1e-6},
    "Adam": {"momentum": 0.9, "momentum2": 0.99, "delta": 1e-7},
}
STILL = [("bn", 0), ("bn", 1), ("bn", 2), ("still", 0)]
PLACES = [2, 3, 4, 5]  # theirs among the learnable blobs: after conv's two, before ip's two
COUNT, LAST = 8, 4


@pytest.fixture(scope="module", params=KINDS)
def trained(request, small_data, tmp_path_factory):
    """(kind, run directory) of a run that writes a pair at each of its iterations, with diffs."""
    kind, run_dir = request.param, tmp_path_factory.mktemp(request.param) / "run"
    options = " ".join(f"{name}: {value}" for name, value in {"momentum": 0, **KINDS[kind]}.items())
    changes = f'type: "{kind}" {options} weight_decay: 0.05 max_iter: {LAST} snapshot: 1 test_interval: 100 '
    runs.train(run_dir, small_data, NORMED, changes + "snapshot_diff: true", summaries=False)
    return kind, run_dir


def pair(run_dir, iteration):
    stem = run_dir / "snapshots" / f"small_iter_{iteration}"
    return caffemodel.read(f"{stem}.caffemodel"), solverstate.read(f"{stem}.solverstate").history


def test_decay_of_what_stands_still_goes_into_the_history(trained):
    """BatchNorm's sums have lr_mult 0 and decay_mult 1: Caffe adds their decay to their gradient, which is 0."""
    kind, run_dir = trained
    weights, history = pair(run_dir, LAST)
    zeros = [np.zeros_like(weights[layer][index]) for layer, index in STILL]
    rule = reference.Solver(kind, zeros, [(0, 1), (0, 1), (0, 1), (0, 3)], np.float64, weight_decay=0.05, **KINDS[kind])
    for iteration in range(1, LAST + 1):
        now = pair(run_dir, iteration)[0]  # the forward pass moves the sums, then comes the update
        rule.weights = [np.asarray(now[layer][index], np.float64) for layer, index in STILL]
        rule.step(zeros, 0.01)
    slots = 2 if kind in ("Adam", "AdaDelta") else 1
    assert len(history) == slots * COUNT
    for slot, held in enumerate((rule.h, rule.h2)[:slots]):
        for place, want in zip(PLACES, held):
            got = history[slot * COUNT + place]
            assert got.any() == (kind not in ("SGD", "Nesterov"))
            np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-12)


def diffs(run_dir, iteration):
    content = (run_dir / "snapshots" / f"small_iter_{iteration}.caffemodel").read_bytes()
    net = caffe_pb2.NetParameter.FromString(content)
    return {
        (layer.name, index): np.array(blob.diff, np.float32).reshape(blob.shape.dim)
        for layer in net.layer
        for index, blob in enumerate(layer.blobs)
    }


def test_diffs_are_what_the_update_subtracted_and_0_for_what_stands_still(trained):
    kind, run_dir = trained
    found = diffs(run_dir, LAST)
    (before, _), (after, history) = pair(run_dir, LAST - 1), pair(run_dir, LAST)
    for (layer, index), diff in found.items():
        assert diff.any() == ((layer, index) not in STILL)
        if diff.any():
            old, new = (np.asarray(weights[layer][index]) for weights in (before, after))
            assert np.abs(diff - (old - new)).max() <= 2e-7 * np.abs(old).max()
    learned = [("conv", 0), ("conv", 1), ("ip", 0), ("ip", 1)]
    for (layer, index), place in zip(learned, (0, 1, 6, 7)):
        if kind == "SGD":  # the history itself, bit for bit (sgd_solver.cpp:225-254)
            np.testing.assert_array_equal(found[layer, index], history[place])
        if kind == "Adam":
            rate = 0.02 * (1 + 0.01 * (LAST - 1)) ** -0.75 * (2 if (layer, index) == ("conv", 1) else 1)
            rate *= np.sqrt(1 - 0.99**LAST) / (1 - 0.9**LAST)
            want = rate * history[place] / (np.sqrt(history[COUNT + place]) + 1e-7)
            np.testing.assert_allclose(found[layer, index], want, rtol=1e-5)


def test_diffs_change_nothing_else_and_stand_in_hdf5_too(trained, small_data, tmp_path):
    """The same run without them ends in the same bits; our checkpoints are the same with and without."""
    kind, run_dir = trained
    options = " ".join(f"{name}: {value}" for name, value in {"momentum": 0, **KINDS[kind]}.items())
    changes = f'type: "{kind}" {options} weight_decay: 0.05 snapshot: 1 test_interval: 100 snapshot_format: HDF5 '
    runs.train(tmp_path / "run", small_data, NORMED, f"{changes} max_iter: 3", summaries=False)
    runs.train(tmp_path / "run", small_data, NORMED, f"{changes} max_iter: 4 snapshot_diff: true", summaries=False)
    runs.same(runs.saved(run_dir, LAST), runs.saved(tmp_path / "run", LAST))
    with h5py.File(tmp_path / "run" / "snapshots" / f"small_iter_{LAST}.caffemodel.h5") as file:
        for (layer, index), diff in diffs(run_dir, LAST).items():
            np.testing.assert_array_equal(file[f"diff/{layer}/{index}"], diff)
