"""lr_policy "plateau" of SSD in runs: by the losses that the log shows, over a stop, and in pycaffe."""

import re

import numpy as np
import pytest

from tests.solvers import plateau
from tests.training import runs
from zoo.errors import SolverError, UnsupportedError
from zoo.formats import prototxt, solverstate
from zoo.pycaffe import get_solver
from zoo.training.pure_step import open_step

RATE = 'lr_policy: "plateau" gamma: 0.5 plateau_winsize: [2, 3, 4] display: 1 average_loss: 1 iter_size: 2'
FIELDS = {"base_lr": 0.02, "gamma": 0.5, "plateau_winsize": [2, 3, 4]}


def shown(run_dir):
    """Returns ([loss], [rate]) of the iterations that a log shows."""
    text = (run_dir / "train.log").read_text()
    losses = [float(loss) for loss in re.findall(r"Iteration \d+ \(.*loss = (\S+)", text)]
    return losses, [float(rate) for rate in re.findall(r"lr = (\S+)", text)]


def test_the_rate_follows_the_losses_of_a_run_and_over_a_stop(small_data, tmp_path):
    whole = runs.train(tmp_path / "whole", small_data, changes=RATE)
    losses, rates = shown(tmp_path / "whole")
    want, (step, least, event) = plateau.rates(losses[:24], **FIELDS)
    assert len(losses) >= 24 and len(set(want)) > 2
    np.testing.assert_allclose(rates[:24], want, rtol=1e-5)
    (path,) = (tmp_path / "whole").rglob("*_iter_24.solverstate")
    state = solverstate.read(path)
    assert (state.current_step, state.iter_last_event) == (step, event)
    assert state.minimum_loss == pytest.approx(least, rel=1e-4)

    runs.train(tmp_path / "parts", small_data, changes=f"{RATE} max_iter: 11")
    parts = runs.train(tmp_path / "parts", small_data, changes=RATE)
    runs.same(runs.weights(whole), runs.weights(parts))


def test_where_it_cannot_be(small_data):
    text = prototxt.to_text(prototxt.merge(RATE + " snapshot: 0", prototxt.parse_solver(runs.SOLVER)).message)
    with pytest.raises(UnsupportedError, match='a step without variables has no lr_policy "plateau"'):
        open_step(runs.solver_def(prototxt.parse_solver(text)), data_dir=small_data)
    with pytest.raises(SolverError, match="plateau_winsize, got none"):
        runs.solver_def(prototxt.parse_solver(re.sub(r"plateau_winsize: \d+", "", text)))


def test_a_solver_of_pycaffe_follows_them_too(tmp_path):
    net = """layer { name: "x" type: "DummyData" top: "x" top: "t" dummy_data_param {
        shape { dim: 4 dim: 3 } shape { dim: 4 dim: 2 } data_filler { type: "gaussian" } } }
      layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 2 } }
      layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "loss" }"""
    rate = RATE.replace("average_loss: 1", "average_loss: 2").replace("iter_size: 2", "")
    text = f"base_lr: 0.02 {rate} net_param {{ {net} }}"
    (tmp_path / "solver.prototxt").write_text(f'{text} random_seed: 3 snapshot_prefix: "{tmp_path}/s"')
    solver = get_solver(str(tmp_path / "solver.prototxt"))
    losses, rates = [], []

    def note():
        losses.append(float(solver.net.blobs["loss"].data))
        rates.append(solver.lr)

    solver.add_callback(lambda: None, note)
    solver.step(12)
    want, (step, _, event) = plateau.rates(losses, **FIELDS, average_loss=2)
    assert len(set(want)) > 1
    np.testing.assert_allclose(rates, want, rtol=1e-6)
    solver.snapshot()
    state = solverstate.read(tmp_path / "s_iter_12.solverstate")
    assert (state.current_step, state.iter_last_event) == (step, event)
    solver.param.momentum = 0.5  # what it remembers outlasts a change of its fields
    assert solver.lr == pytest.approx(want[-1]) and solver.solver.schedule.events()[1] == event
    other = get_solver(str(tmp_path / "solver.prototxt"))
    other.restore(str(tmp_path / "s_iter_12.solverstate"))
    assert other.lr == pytest.approx(want[-1])
