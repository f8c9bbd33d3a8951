"""A run that is stopped, or killed, and goes on ends in the same bits as one that never stopped."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.training import runs
from zoo.errors import CheckpointError


def same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        assert np.array_equal(a[key], b[key]), key


def history(result):
    learnable = [p.variable for p in result.session.nets.train.learnable()]
    return {str(i): a for i, a in enumerate(result.session.nets.optimizer.history(learnable))}


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_a_stopped_run_ends_in_the_same_bits(small_data, tmp_path, kind):
    changes = f'type: "{kind}" iter_size: 2'
    whole = runs.train(tmp_path / "whole", small_data, changes=changes)
    first = runs.train(tmp_path / "parts", small_data, changes=f"{changes} max_iter: 11")
    assert first.session.state.iteration == 11
    second = runs.train(tmp_path / "parts", small_data, changes=changes)
    same(runs.weights(whole), runs.weights(second))
    same(history(whole), history(second))
    assert whole.scores == second.scores  # the test data went on where it stopped, too
    # The window of average_loss is 3 long: at 12 it holds losses from before the stop.
    lines = [[line for line in log(tmp_path / name) if "Iteration 12 (" in line] for name in ("whole", "parts")]
    assert lines[0] and loss_of(lines[0][0]) == loss_of(lines[1][-1])


def log(run_dir):
    return (run_dir / "train.log").read_text().splitlines()


def loss_of(line):
    return line.rpartition("loss = ")[2]


def test_a_run_is_a_function_of_its_seed(small_data, tmp_path):
    seeds = {"a": 5, "b": 5, "c": 6}
    results = [runs.train(tmp_path / name, small_data, changes=f"random_seed: {seed}") for name, seed in seeds.items()]
    a, b, c = map(runs.weights, results)
    same(a, b)
    assert not np.array_equal(a["ip/0"], c["ip/0"])


def test_killed_between_snapshots_it_ends_in_the_same_bits(small_data, tmp_path):
    solver = tmp_path / "small.prototxt"
    text = runs.SOLVER
    longer = (("max_iter: 24", "max_iter: 2000"), ("snapshot: 8", "snapshot: 300"), ("display: 4", "display: 100"))
    for old, new in longer:
        assert old in text
        text = text.replace(old, new)
    solver.write_text(text.replace("test_interval: 6", "test_interval: 500"))
    run_dir = tmp_path / "killed"
    env = {**os.environ, "PYTHONPATH": str(runs.ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo.train", f"--config={solver}", f"--data_dir={small_data}", f"--run_dir={run_dir}"],
        cwd=runs.ROOT,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not list(run_dir.glob("checkpoints/ckpt-*.index")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    text = solver.read_text()
    resumed = runs.train(run_dir, small_data, text)
    assert any("Continuing from" in line for line in log(run_dir))
    same(runs.weights(runs.train(tmp_path / "whole", small_data, text)), runs.weights(resumed))


def test_a_checkpoint_of_another_net_is_refused(small_data, tmp_path):
    runs.train(tmp_path / "run", small_data, changes="max_iter: 1")
    other = runs.SOLVER.replace("num_output: 6", "num_output: 5")
    with pytest.raises(CheckpointError, match=r'started with something else: training net: layer "conv" .*--restart'):
        runs.train(tmp_path / "run", small_data, other)


def test_restart_moves_the_old_run_aside(small_data, tmp_path):
    runs.train(tmp_path / "run", small_data, changes="max_iter: 3")
    result = runs.train(tmp_path / "run", small_data, changes="max_iter: 2", restart=True)
    assert result.session.state.iteration == 2
    assert (tmp_path / "run.1" / "checkpoints" / "ckpt-3.index").exists()


def test_a_damaged_checkpoint_is_one_clear_error(small_data, tmp_path):
    runs.train(tmp_path / "run", small_data, changes="max_iter: 3")
    data = next((tmp_path / "run" / "checkpoints").glob("ckpt-3.data*"))
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    with pytest.raises(CheckpointError, match="cannot read checkpoint"):
        runs.train(tmp_path / "run", small_data)
