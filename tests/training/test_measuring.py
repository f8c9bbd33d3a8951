"""A model measured: a row of what was trained, over several parts, and refusals of what was not begun so."""

import json
import os
import time

import pytest

from zoo.catalogue import checkout, record
from zoo.errors import CheckpointError, DataError, SolverError
from zoo.netdef.changes import Change
from zoo.training import measuring
from zoo.training.measuring import measure, run_dir_of
from zoo.training.run_options import RunOptions

HEADER = """# A tiny net.
#
# net: tiny
# parameters: 4
# input: 3
# recipe: ours
# published: 99 %
# published_in: nowhere
# score: loss
"""
SOLVER = """
base_lr: 0.1 lr_policy: "fixed" max_iter: 4 test_iter: 2 test_interval: 4 random_seed: 3
snapshot: 2 snapshot_prefix: "tiny"
net_param {
  layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param {
    shape { dim: 4 dim: 3 } shape { dim: 4 dim: 1 } data_filler { type: "constant" value: 1 } } }
  layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 1 } }
  layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" }
}
"""
COMMIT, OPTIONS = "1" * 40, RunOptions(summaries=False)


@pytest.fixture
def config(tmp_path):
    (tmp_path / "configs").mkdir()
    path = tmp_path / "configs" / "tiny.prototxt"
    path.write_text(HEADER + SOLVER)
    return path


def stopped(solver, run_dir, options):
    """Trains to iteration 2 and ends as a run that was stopped there."""
    from dataclasses import replace

    from zoo.training.trainer import train

    return train(replace(solver, max_iter=2), run_dir, options)._replace(done=False, terminated=True)


def test_data_without_a_title_are_named_as_in_the_config():
    assert measuring._sources("configs/siamese_mnist.prototxt") == ["mnist_siamese/train"]
    assert measuring._sources("configs/logreg_hdf5.prototxt") == ["points/train.txt"]


def test_a_run_in_two_parts_gives_one_row(config, tmp_path, monkeypatch):
    run_dir = run_dir_of(tmp_path / "runs", "tiny", "")
    with monkeypatch.context() as patched:
        patched.setattr(measuring, "train", stopped)
        row, result = measure(config, run_dir, COMMIT, options=OPTIONS)
    assert row is None and result.terminated
    noted = json.loads((run_dir / "result.json").read_text())
    assert noted["seconds"] > 0 and noted["since"] is None
    noted["seconds"] = 1000.0
    (run_dir / "result.json").write_text(json.dumps(noted))
    row, result = measure(config, run_dir, COMMIT, options=OPTIONS)
    assert result.began == 2 and result.done
    assert (row.config, row.changes, row.commit, row.seed, row.iterations) == ("tiny", "", COMMIT, "3", "4")
    assert 1000 <= int(row.seconds) < 1100 and row.output == "loss"
    assert float(row.score) == pytest.approx(result.scores["loss"].value, rel=1e-5)
    assert (row.published, row.published_in) == ("99 %", "nowhere")
    again, _ = measure(config, run_dir, COMMIT, options=OPTIONS)  # trains nothing more, so takes no more
    assert again == row
    monkeypatch.setattr(checkout, "changed_between", lambda root, old, new, paths: ["zoo/a.py"] if old != new else [])
    with pytest.raises(CheckpointError, match=r"files have changed since the run in \S+ was begun, got zoo/a.py"):
        measure(config, run_dir, "2" * 40, options=OPTIONS)


def test_a_run_that_failed_before_it_trained_binds_nobody(config, tmp_path, monkeypatch):
    def fails(solver, run_dir, options):
        raise DataError("no data")

    with monkeypatch.context() as patched:
        patched.setattr(measuring, "train", fails)
        with pytest.raises(DataError, match="no data"):
            measure(config, tmp_path / "run", COMMIT, options=OPTIONS)
    row, result = measure(config, tmp_path / "run", "2" * 40, options=OPTIONS)
    assert (row.commit, result.began) == ("2" * 40, 0)


def test_a_changed_recipe_has_its_own_run_and_no_published_score(config, tmp_path):
    said = "--set='max_iter: 2'"
    run_dir = run_dir_of(tmp_path / "runs", "tiny", said)
    assert run_dir != run_dir_of(tmp_path / "runs", "tiny", "")
    row, _ = measure(config, run_dir, COMMIT, said, [Change("max_iter: 2")], OPTIONS)
    assert (row.changes, row.iterations, row.published) == (said, "2", "")
    with pytest.raises(CheckpointError, match="holds another run, got tiny --set='max_iter: 2', want tiny"):
        measure(config, run_dir, COMMIT, options=OPTIONS)


def test_what_was_not_begun_so_is_refused(config, tmp_path):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    with pytest.raises(CheckpointError, match="was not begun to be measured"):
        measure(config, tmp_path / "run", COMMIT, options=OPTIONS)
    config.write_text(HEADER + SOLVER.replace("random_seed: 3", ""))
    with pytest.raises(SolverError, match="random_seed is missing"):
        measure(config, tmp_path / "other", COMMIT, options=OPTIONS)
    config.write_text(HEADER + SOLVER.replace("test_iter: 2 test_interval: 4", ""))
    with pytest.raises(SolverError, match="has no test"):
        measure(config, tmp_path / "other", COMMIT, options=OPTIONS)
    assert not (tmp_path / "other").exists()


def test_a_part_that_was_killed_counts_to_its_last_checkpoint(tmp_path):
    begun = record.begin(tmp_path, record.Record("tiny", "", COMMIT, "", "", 10.0))
    assert record.read(tmp_path).seconds == 10.0
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "ckpt-2.index").write_text("")
    os.utime(tmp_path / "checkpoints" / "ckpt-2.index", (time.time(), begun.since + 7))
    assert record.read(tmp_path).seconds == pytest.approx(17, abs=0.01)
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"result.json is damaged"):
        record.read(tmp_path)
