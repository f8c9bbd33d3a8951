"""Solvers stepped by hand: all recorded runs of real Caffe, fresh and from Caffe's own snapshots."""

import numpy as np
import pytest

import zoo.pycaffe as caffe
from tests.conftest import SHARED
from tests.converters.golden import close

RUNS = sorted(path.stem for path in (SHARED / "golden" / "solvers").glob("*.npz"))
KEPT = (1, 2, 5, 10, 15, 30)
# Of the largest weight; rounding grows over 30 iterations, and adaptive rules divide by small moments.
TOLERANCE = 1e-4


class Run:
    """A recorded run, set up anew in a folder."""

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
