"""Solvers stepped by hand: all recorded runs of real Caffe, fresh and from Caffe's own snapshots."""

import gc
import weakref

import numpy as np
import pytest

import zoo.pycaffe as caffe
from tests.conftest import SHARED
from tests.layers.golden import close
from tests.pycaffe.nets import write
from zoo.formats import prototxt

RUNS = sorted(path.stem for path in (SHARED / "golden" / "solvers").glob("*.npz"))
KEPT = (1, 2, 5, 10, 15, 30)
# Of the largest weight; rounding grows over 30 iterations, and adaptive rules divide by small moments.
TOLERANCE = 1e-4


class Run:
    """A recorded run, set up again in a directory."""

    def __init__(self, shared, name, folder):
        self.path = shared / "golden" / "solvers" / f"{name}.npz"
        with np.load(self.path) as data:
            self.golden = {key: data[key] for key in data}
        (folder / "net.prototxt").write_text(str(self.golden["net"]))
        (folder / "solver.prototxt").write_text(str(self.golden["solver"]))
        self.solver = caffe.get_solver(str(folder / "solver.prototxt"))
        self.feed(0)

    def feed(self, iteration):
        """Lets the data begin where Caffe stood at `iteration`."""
        size = self.solver.net.blobs["data"].num * self.solver.param.iter_size
        data, labels = (np.roll(self.golden[key], -iteration * size, axis=0) for key in ("data", "label"))
        self.solver.net.set_input_arrays(np.ascontiguousarray(data), labels.astype(np.float32))

    def start(self):
        for key, array in self.golden.items():
            if key.startswith("init/"):
                _, layer, index = key.split("/")
                self.solver.net.params[layer][int(index)].data[...] = array

    def step_to(self, end):
        solver = self.solver
        while solver.iter < end:
            np.testing.assert_allclose(solver.lr, self.golden["lr"][solver.iter], rtol=1e-5)
            solver.step(1)
            np.testing.assert_allclose(solver.net.blobs["loss"].data, self.golden["loss"][solver.iter - 1], rtol=1e-4)
            if solver.iter in KEPT:
                self.check(solver.iter)

    def check(self, iteration):
        for key, want in self.golden.items():
            if key.startswith(f"weights@{iteration}/"):
                _, layer, index = key.split("/")
                close(key, self.solver.net.params[layer][int(index)].data, want, TOLERANCE)


@pytest.mark.parametrize("name", RUNS or [pytest.param("none", marks=pytest.mark.skip("needs real Caffe's numbers"))])
def test_as_caffe(shared, name, tmp_path):
    run = Run(shared, name, tmp_path)
    run.start()
    run.step_to(30)
    again = Run(shared, name, tmp_path)
    end = ".h5" if again.solver.param.snapshot_format == 0 else ""
    again.solver.restore(str(run.path.with_name(f"{name}_iter_15.solverstate{end}")))
    assert again.solver.iter == 15
    again.check(15)
    again.feed(15)
    again.step_to(30)


NORMED = """
base_lr: 0.01 lr_policy: "multistep" gamma: 0.5 stepvalue: 2 type: "Adam" weight_decay: 0.1 max_iter: 9 random_seed: 2
net_param {
  layer { name: "in" type: "DummyData" top: "x" top: "y" dummy_data_param {
    shape { dim: 5 dim: 3 dim: 2 dim: 4 } shape { dim: 5 dim: 2 } data_filler { type: "gaussian" std: 2 } } }
  layer { name: "bn" type: "BatchNorm" bottom: "x" top: "n" }
  layer { name: "ip" type: "InnerProduct" bottom: "n" top: "ip"
    inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
  layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" }
}
"""


def test_decay_of_running_sums_is_in_the_history_and_not_in_their_diffs(tmp_path):
    """As in Caffe, m = b1 m + (1 - b1) decay * sum, with the sum as the forward pass has left it; the rate is 0."""
    (tmp_path / "solver.prototxt").write_text(NORMED + "momentum: 0.8")
    solver = caffe.get_solver(str(tmp_path / "solver.prototxt"))
    want = [0.0] * 3
    for _ in range(3):
        solver.step(1)
        sums = [blob.data.copy() for blob in solver.net.params["bn"]]
        want = [0.8 * m + 0.2 * 0.1 * data for m, data in zip(want, sums)]
    assert all(m.any() for m in want)
    history = solver.optimizer.history([p.variable for p in solver.net._engine.net.learnable()])
    for got, m, blob in zip(history, want, solver.net.params["bn"]):
        np.testing.assert_allclose(got, m, rtol=1e-5)
        assert not blob.diff.any()
    solver.snapshot()
    again = caffe.get_solver(str(tmp_path / "solver.prototxt"))
    again.restore(str(tmp_path / "solver_iter_3.solverstate"))
    assert (again.iter, again.lr) == (3, solver.lr) == (3, pytest.approx(0.005))
    for got, kept in zip(again.optimizer.history([p.variable for p in again.net._engine.net.learnable()]), history):
        np.testing.assert_array_equal(got, kept)


def test_without_max_iter_a_script_drives_the_steps(tmp_path):
    net = """
      layer { name: "x" type: "DummyData" top: "x" top: "z"
              dummy_data_param { shape { dim: 2 dim: 3 } shape { dim: 2 dim: 1 } } }
      layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 1 } }
      layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "z" top: "loss" }"""
    (tmp_path / "solver.prototxt").write_text(
        f'base_lr: 0.1 lr_policy: "fixed" snapshot_after_train: false net_param {{ {net} }}'
    )
    solver = caffe.SGDSolver(str(tmp_path / "solver.prototxt"))
    solver.step(3)
    assert solver.iter == 3
    solver.solve()  # to iteration 0, as Caffe reads it
    assert solver.iter == 3


def test_get_solver_reads_the_file_once(tmp_path, monkeypatch):
    """A file that changes meanwhile cannot give the class of one solver and the fields of another."""
    path, read = tmp_path / "solver.prototxt", []
    path.write_text(NORMED)

    def read_once(file):
        read.append(file)
        return read_solver(file)

    read_solver = prototxt.read_solver
    monkeypatch.setattr(prototxt, "read_solver", read_once)
    assert type(caffe.get_solver(str(path))) is caffe.AdamSolver
    assert read == [str(path)]


def test_a_deleted_solver_gives_its_memory_back(tmp_path):
    """At once, as in Caffe, where scripts delete large solvers before they make the next."""
    net = write(
        tmp_path,
        """layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param { shape { dim: 1 dim: 2048 }
            shape { dim: 1 dim: 2048 } } }
        layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 2048 } }
        layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" }""",
    )
    text = f'train_net: "{net}" test_net: "{net}" test_iter: 1 test_interval: 9 base_lr: 0.1 lr_policy: "fixed"'
    solver = caffe.get_solver(write(tmp_path, text + " test_initialization: false", "solver.prototxt"))
    solver.step(2)
    solver.test_nets[0].forward()
    held = [weakref.ref(each) for each in (solver, solver.net._engine, solver.test_nets[0]._engine)]
    weights = solver.net.params["ip"][0].data
    gc.disable()
    try:
        del solver
        assert [each() for each in held] == [None] * 3
    finally:
        gc.enable()
    assert weights.shape == (2048, 2048) and not weights.any()  # an array that somebody holds stays
