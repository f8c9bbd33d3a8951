"""What a run does on request: a snapshot before it begins, its prefix as it stands; epochs; weights of a state."""

import re
from types import SimpleNamespace

import pytest

from tests.commands import run
from tests.training.runs import SOLVER, make_data, train
from zoo.errors import CheckpointError
from zoo.formats import caffemodel, solverstate
from zoo.training import snapshots
from zoo.training.feeds import Feeds


def said(run_dir):
    return [line.partition("] ")[2] for line in (run_dir / "train.log").read_text().splitlines()]


def test_on_request(tmp_path, monkeypatch):
    make_data(tmp_path)
    monkeypatch.chdir(tmp_path)
    prefix = "snapshots_of_mine/small"
    (tmp_path / "snapshots_of_mine").mkdir()
    how = {"changes": f'max_iter: 16 snapshot: 0 snapshot_prefix: "{prefix}"', "summaries": False, "log_nets": False}
    train(tmp_path / "run", tmp_path, **how, snapshot_start=True, own_prefix=True)
    names = sorted(path.name for path in (tmp_path / "snapshots_of_mine").iterdir())
    assert names == [f"small_iter_{i}.{end}" for i in (0, 16) for end in ("caffemodel", "solverstate")]
    assert not (tmp_path / "run" / "snapshots").exists()
    before, after = (caffemodel.read(f"{prefix}_iter_{i}.caffemodel")["conv"][0] for i in (0, 16))
    assert before.shape == after.shape and (before != after).any()
    log = said(tmp_path / "run")
    assert "An epoch is 7.14286 iterations" in log  # 50 items, 7 a batch
    epochs = [line for line in log if line.startswith("Epoch ")]
    assert epochs == ["Epoch 1 done, before iteration 8", "Epoch 2 done, before iteration 15"]
    assert snapshots.weights_of(f"{prefix}_iter_16.solverstate") == f"{prefix}_iter_16.caffemodel"
    train(tmp_path / "other", tmp_path, **how)
    assert sorted(path.name for path in (tmp_path / "other" / "snapshots").iterdir()) == [
        "small_iter_16.caffemodel",
        "small_iter_16.solverstate",
    ]
    (line,) = [line for line in said(tmp_path / "other") if line.startswith("snapshots go to")]
    assert re.fullmatch(rf'snapshots go to .*/snapshots/small: in the run .* "{prefix}" \(--own_prefix .*\)', line)


def test_an_epoch_is_exact():
    """9 / (9 / 7) in floats is less than 7."""
    layer = SimpleNamespace(count=9, shapes=((7, 1, 2, 2), (7,)))
    assert int(9 / Feeds.epoch.fget(SimpleNamespace(_layers=[layer]))) == 7


def test_a_state_without_weights(tmp_path):
    solverstate.write(tmp_path / "x.solverstate", solverstate.SolverState(3, None, (), 0))
    with pytest.raises(CheckpointError, match="names no weights"):
        snapshots.weights_of(tmp_path / "x.solverstate")


@pytest.mark.parametrize(
    "words, said",
    [
        ((), "which weights?, got neither, want --weights=X.caffemodel or --snapshot=X.solverstate"),
        (("--weights=a", "--snapshot=b"), "which weights?, got both"),
    ],
)
def test_evaluate_takes_weights_or_a_state(tmp_path, words, said):
    assert said in run("zoo.evaluate", "--config=lenet", *words, cwd=tmp_path, ok=False)


@pytest.mark.slow
def test_evaluate_scores_the_weights_of_a_state(tmp_path):
    make_data(tmp_path)
    train(tmp_path / "run", tmp_path, changes="max_iter: 8", summaries=False)
    (tmp_path / "s.prototxt").write_text(SOLVER)
    stem = tmp_path / "run" / "snapshots" / "small_iter_8"
    how = ("--config=s.prototxt", "--data_dir=.")
    by_state = run("zoo.evaluate", *how, f"--snapshot={stem}.solverstate", cwd=tmp_path)
    assert by_state == run("zoo.evaluate", *how, f"--weights={stem}.caffemodel", cwd=tmp_path)
    assert by_state.startswith("Scored on 50 batches of the test data.\n  acc = ")
