"""A loss that is not finite stops the run: which iteration, in which layer it began, the last good checkpoint."""

import numpy as np
import pytest

from tests.training import runs
from zoo.errors import SolverError

EXPLODES = 'lr_policy: "multistep" gamma: 1e36 display: 0 test_interval: 100'
LOG = 'layer { name: "log" type: "Log" bottom: "ip" top: "ip" log_param { shift: -9 } }\n  layer { name: "acc"'


def test_a_rate_that_explodes(small_data, tmp_path):
    """The rate of iteration 12 makes iteration 13 fail: in `ip`, the product of two huge numbers."""
    with pytest.raises(SolverError) as caught:
        runs.train(tmp_path / "run", small_data, changes=f"{EXPLODES} stepvalue: 12")
    text = str(caught.value)
    assert "small.prototxt:15: " in text
    assert 'layer "ip" (InnerProduct): loss is nan at iteration 13; it begins in top "ip" of this layer' in text
    assert "the last good checkpoint is " in text
    assert "ckpt-8" in text
    kept = {path.name for path in (tmp_path / "run" / "checkpoints").glob("*.index")}
    assert kept == {"ckpt-8.index"}
    values = runs.saved(tmp_path / "run", 8)
    assert all(np.isfinite(a).all() for name, a in values.items() if "parameters" in name)


@pytest.mark.parametrize("size", [1, 3])
def test_before_any_checkpoint_it_begins_from_the_fillers(small_data, tmp_path, size):
    with pytest.raises(SolverError, match=r'layer "ip" .* at iteration 6; .*no checkpoint had been written'):
        runs.train(tmp_path / "run", small_data, changes=f"{EXPLODES} stepvalue: 5 iter_size: {size}")


def test_with_weights_to_begin_from(small_data, tmp_path):
    runs.train(tmp_path / "first", small_data, changes="max_iter: 2 snapshot_format: HDF5")
    model = tmp_path / "first" / "snapshots" / "small_iter_2.caffemodel.h5"
    with pytest.raises(SolverError, match=r'layer "ip" .* at iteration 4; '):
        runs.train(tmp_path / "run", small_data, changes=f"{EXPLODES} stepvalue: 3", weights=[model])


def test_the_layer_that_makes_it_first(small_data, tmp_path):
    """log(x - 9) of small scores is NaN; the layer behind only passes it on."""
    text = runs.SOLVER.replace('layer { name: "acc"', LOG, 1)
    with pytest.raises(SolverError, match=r'layer "log" \(Log\): loss is nan at iteration 0; it begins in top "ip"'):
        runs.train(tmp_path / "run", small_data, text, changes="test_initialization: false")


def test_nothing_is_looked_for_where_that_would_take_long(small_data, tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.training.diagnosis.LONGEST", 0)
    with pytest.raises(SolverError, match=r"^loss is nan at iteration 13, want a finite number"):
        runs.train(tmp_path / "run", small_data, changes=f"{EXPLODES} stepvalue: 12")
