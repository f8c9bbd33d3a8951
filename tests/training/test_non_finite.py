"""A loss that is not finite stops the run: which iteration, in which layer it began, the last good checkpoint."""

import numpy as np
import pytest

from tests.training import runs
from zoo.errors import DataError, SolverError
from zoo.formats import prototxt
from zoo.netdef.net import net_def
from zoo.training.evaluation import evaluate

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
    monkeypatch.setattr("zoo.training.non_finite.LONGEST", 0)
    with pytest.raises(SolverError, match=r"^loss is nan at iteration 13, want a finite number"):
        runs.train(tmp_path / "run", small_data, changes=f"{EXPLODES} stepvalue: 12")


# ---- labels that no class has ---------------------------------------------------------------------------------

FEWER = runs.SOLVER.replace("num_output: 4", "num_output: 3")
LABEL = r'bottom "label" holds what this layer has no class for, \d of {} values, got 3 at index \d, want 0 to 2{}'
SOURCE = r' \(it comes from layer "in" \(line {}\); labels count from 0\)$'


@pytest.mark.parametrize("size", [1, 2])
def test_a_label_that_no_class_has(size, small_data, tmp_path, monkeypatch):
    """It is read from the batch, without running anything again."""
    monkeypatch.setattr("zoo.training.non_finite.LONGEST", 0)
    said = r'small.prototxt:\d+: layer "loss" \(SoftmaxWithLoss\): loss is nan at iteration 0: ' + LABEL.format(7, "")
    with pytest.raises(DataError, match="^" + said + SOURCE.format(6)):
        runs.train(tmp_path / "run", small_data, FEWER, changes=f"test_initialization: false iter_size: {size}")


def test_a_label_that_comes_by_another_layer(small_data, tmp_path):
    power = 'layer { name: "power" type: "Power" bottom: "label" top: "more" power_param { shift: 1 } }\n  '
    text = runs.SOLVER.replace('layer { name: "loss"', power + 'layer { name: "loss"')
    text = text.replace('bottom: "ip" bottom: "label" top: "loss"', 'bottom: "ip" bottom: "more" top: "loss"')
    said = r'"more" holds what this layer has no class for, \d of 7 values, got 4 at index \d, want 0 to 3 \(it comes f'
    with pytest.raises(DataError, match=said + r'rom layer "power"'):
        runs.train(tmp_path / "run", small_data, text, changes="test_initialization: false")


def test_a_label_that_is_ignored_is_not_wrong(small_data, tmp_path):
    """Accuracy in TRAIN, which is NaN by it, has no part in the loss."""
    text = FEWER.replace('top: "loss" }', 'top: "loss" loss_param { ignore_label: 3 } }').replace(
        'top: "acc" include { phase: TEST }', 'top: "acc" include { phase: TRAIN }'
    )
    result = runs.train(tmp_path / "run", small_data, text, changes="max_iter: 3")
    assert result.done
    with pytest.raises(SolverError, match=r'layer "ip" .*: loss is nan at iteration 6; it begins in top "ip"'):
        runs.train(tmp_path / "other", small_data, text, changes=f"{EXPLODES} stepvalue: 5")


def test_a_label_in_the_test_data(small_data, tmp_path):
    """As the score comes to be NaN, whatever the loss is."""
    text = FEWER.replace('top: "loss" }', 'top: "loss" loss_param { ignore_label: 3 } }')
    said = r'layer "acc" \(Accuracy\): a score is not a number: ' + LABEL.format(9, "") + SOURCE.format(8)
    with pytest.raises(DataError, match=said):
        runs.train(tmp_path / "run", small_data, text)


@pytest.mark.parametrize("ignored", [None, 3])
def test_evaluation(ignored, small_data, tmp_path):
    net = prototxt.parse_solver(FEWER, "small.prototxt").message.net_param
    if ignored is not None:
        for layer in net.layer:
            if layer.type == "Accuracy":
                layer.accuracy_param.ignore_label = ignored
    with pytest.raises(DataError, match=LABEL.format(9, "")):
        evaluate(net_def(net, "TEST"), [], 2, small_data)
