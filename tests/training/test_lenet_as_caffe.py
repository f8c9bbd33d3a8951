"""LeNet from Caffe's own weights, on MNIST in Caffe's order: our losses next to those that Caffe logged.

Near-ties in max pooling make the run branch: a rounding error of 1e-7 sends a gradient to another pixel, and the losses
part by some 1e-3. Caffe's own arithmetic does so when OpenBLAS takes two threads instead of one (4e-3 within 50
iterations; `python -m benchmarks.lenet_as_caffe` shows it). Before the first such branch, losses are equal; after it,
runs stay near each other.
"""

import json

import numpy as np
import pytest

from tests.training import runs
from zoo.formats import training_log

NETS = '"mnist_train_lmdb"', '"mnist_test_lmdb"'


def train_as_caffe(shared, mnist_data, run_dir, iterations):
    """Runs Caffe's solver and net files as they are but for the data's names; returns (ours, Caffe's record)."""
    folder = shared / "golden" / "lenet"
    net = (folder / "lenet_train_test.prototxt").read_text()
    for name, ours in zip(NETS, ('"mnist/train"', '"mnist/test"')):
        assert name in net
        net = net.replace(name, ours)
    (run_dir / "lenet_train_test.prototxt").write_text(net)
    (run_dir / "lenet_solver.prototxt").write_text((folder / "lenet_solver.prototxt").read_text())
    parsed = runs.prototxt.merge(
        f"max_iter: {iterations}", runs.prototxt.read_solver(run_dir / "lenet_solver.prototxt")
    )
    weights = [folder / "lenet_iter_0.caffemodel"]
    options = runs.RunOptions(data_dir=mnist_data, weights=weights, summaries=False)
    runs.trainer.train(runs.solver_def(parsed), run_dir, options)
    return training_log.read(run_dir / "train.log"), json.loads((folder / "lenet_500.json").read_text())


def compare(ours, caffe):
    """Returns our losses and Caffe's, of as many iterations as we ran."""
    iterations, losses = zip(*ours.loss)
    assert iterations[:3] == (0, 1, 2)
    return np.array(losses), np.array(caffe["loss"] + [caffe["loss_after_500"]])[: len(losses)]


def test_the_first_iterations_are_caffes(shared, mnist_data, tmp_path):
    ours, caffe = train_as_caffe(shared, mnist_data, tmp_path, 60)
    losses, wanted = compare(ours, caffe)
    assert len(losses) == 61
    assert np.abs(losses - wanted)[:8].max() < 1.5e-5  # the log has six digits
    assert np.abs(losses - wanted)[:20].max() < 1e-3
    assert np.abs(losses - wanted)[:50].max() < 5e-3
    assert dict(ours.test["accuracy"])[0] == pytest.approx(caffe["test"]["0"]["accuracy"], abs=1e-9)
    assert dict(ours.test["loss"])[0] == pytest.approx(caffe["test"]["0"]["loss"], abs=1e-5)


@pytest.mark.slow
def test_five_hundred_iterations_follow_caffe(shared, mnist_data, tmp_path):
    ours, caffe = train_as_caffe(shared, mnist_data, tmp_path, 500)
    losses, wanted = compare(ours, caffe)
    assert len(losses) == 501
    difference = np.abs(losses - wanted)
    assert difference[:20].max() < 1e-3
    assert difference[:50].max() < 5e-3
    mean = np.ones(20) / 20
    assert np.abs(np.convolve(losses, mean, "valid") - np.convolve(wanted, mean, "valid")).max() < 0.02
    accuracy = dict(ours.test["accuracy"])
    assert accuracy[500] == pytest.approx(caffe["test"]["500"]["accuracy"], abs=0.005)
    print(f"largest difference: first 50 {difference[:50].max():.2e}, all {difference.max():.2e}; {accuracy}")
