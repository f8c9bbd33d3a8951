"""A run directory: one trainer at a time, checkpoints that survive what happens to them, a seed that stays."""

import re
import subprocess

import numpy as np
import pytest

from tests.training import runs
from zoo.errors import CheckpointError
from zoo.training.lock import locked


def test_a_second_trainer_is_refused_and_the_lock_ends_with_its_holder(commands, small_data, tmp_path):
    config = tmp_path / "small.prototxt"
    config.write_text(runs.SOLVER.replace("max_iter: 24", "max_iter: 1000000"))
    args = [f"--config={config}", f"--data_dir={small_data}", f"--run_dir={tmp_path / 'run'}", "--nosummaries"]
    first = commands.start(*args)
    first.wait_for(lambda: "Iteration 4 (" in first.stderr)
    second = commands.run(*args)
    assert second.returncode == 1
    assert re.search(rf"error: another trainer is running in \S+/run, got process {first.pid} on \S+ \(", second.stderr)
    again = commands.run(*args, "--restart")
    assert "another trainer is running" in again.stderr
    assert not (tmp_path / "run.1").exists()
    first.send_signal(9)
    first.wait()
    assert commands.run(*args, "--set=max_iter: 20").returncode == 0


def test_a_lock_is_free_again_after_the_block(tmp_path):
    with locked(tmp_path), pytest.raises(CheckpointError, match="another trainer"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_a_checkpoint_that_the_list_does_not_name_counts(small_data, tmp_path):
    """A kill between a checkpoint and TensorFlow's list of them; or the list is lost altogether."""
    run_dir = tmp_path / "run"
    runs.train(run_dir, small_data, changes="max_iter: 8 snapshot: 4")
    listed = run_dir / "checkpoints" / "checkpoint"
    before = listed.read_text()
    runs.train(run_dir, small_data, changes="max_iter: 12 snapshot: 4")
    for text in (before, None):
        listed.unlink()
        if text:
            listed.write_text(text)
        result = runs.train(run_dir, small_data, changes="max_iter: 12 snapshot: 4")
        assert result.session.state.iteration == 12
        assert re.findall(r"Continuing from .* at iteration (\d+)", (run_dir / "train.log").read_text())[-1] == "12"
    more = runs.train(run_dir, small_data, changes="max_iter: 20 snapshot: 4", keep_checkpoints=2)
    kept = {path.stem for path in (run_dir / "checkpoints").glob("*.index")}
    assert kept == {"ckpt-16", "ckpt-20"}  # those of before are still counted among the kept
    whole = runs.train(tmp_path / "whole", small_data, changes="max_iter: 20 snapshot: 4")
    runs.same(runs.weights(whole), runs.weights(more))


def test_what_a_killed_writer_leaves_is_not_a_checkpoint(small_data, tmp_path):
    """The data file comes first, then the index, then the list: at each of these a kill leaves the one before."""
    run_dir = tmp_path / "run"
    runs.train(run_dir, small_data, changes="max_iter: 4")
    folder = run_dir / "checkpoints"
    (folder / "ckpt-9_temp").mkdir()
    (folder / "ckpt-9_temp" / "part-00000-of-00001.data-00000-of-00001").write_bytes(b"half of")
    (folder / "ckpt-8.data-00000-of-00001").write_bytes(b"half of it")
    result = runs.train(run_dir, small_data, changes="max_iter: 5")
    assert "Continuing from" in (run_dir / "train.log").read_text()
    assert result.session.state.iteration == 5
    assert {path.name.partition(".")[0] for path in folder.glob("ckpt*")} == {"ckpt-4", "ckpt-5"}


def test_a_path_with_the_signs_of_a_pattern(small_data, tmp_path):
    run_dir = tmp_path / "a[1]*?" / "run"
    runs.train(run_dir, small_data, changes="max_iter: 8 snapshot: 4")
    result = runs.train(run_dir, small_data, changes="max_iter: 12 snapshot: 4", keep_checkpoints=2)
    runs.same(runs.weights(runs.train(tmp_path / "whole", small_data, changes="max_iter: 12")), runs.weights(result))
    assert {path.stem for path in (run_dir / "checkpoints").glob("*.index")} == {"ckpt-8", "ckpt-12"}
    other = runs.train(
        tmp_path / "other", small_data, changes="max_iter: 12", snapshot=str(run_dir / "checkpoints" / "ckpt-8")
    )
    runs.same(runs.weights(result), runs.weights(other))


def test_a_damaged_checkpoint_is_put_aside_for_the_one_before(small_data, tmp_path):
    """Said loudly, nothing deleted, and the same bits in the end; the seed that the run drew stays."""
    run_dir, changes = tmp_path / "run", "random_seed: -1 snapshot: 4"
    first = runs.train(run_dir, small_data, changes=f"{changes} max_iter: 8")
    folder = run_dir / "checkpoints"
    data = next(folder.glob("ckpt-8.data*"))
    data.write_bytes(data.read_bytes()[:100])
    there = {path.name: path.read_bytes() for path in folder.glob("ckpt-8.*")}
    result = runs.train(run_dir, small_data, changes=changes)
    log = (run_dir / "train.log").read_text()
    assert re.search(r"W.* DAMAGED CHECKPOINT: cannot read checkpoint \S+ckpt-8, got .*one before, \S+ckpt-4: ", log)
    assert re.findall(r"Continuing from .* at iteration (\d+)", log) == ["4"]
    assert {path.name: path.read_bytes() for path in (folder / "ckpt-8.damaged").iterdir()} == there
    whole = runs.train(tmp_path / "whole", small_data, changes=f"random_seed: {first.session.state.seed} snapshot: 4")
    runs.same(runs.weights(whole), runs.weights(result))


def test_a_seed_that_the_run_drew_stays_with_it(small_data, tmp_path):
    changes = "random_seed: -1"
    first = runs.train(tmp_path / "run", small_data, changes=f"{changes} max_iter: 3")
    second = runs.train(tmp_path / "run", small_data, changes=f"{changes} max_iter: 6")
    other = runs.train(tmp_path / "other", small_data, changes=f"{changes} max_iter: 6")
    assert first.session.state.seed == second.session.state.seed != other.session.state.seed
    whole = runs.train(tmp_path / "whole", small_data, changes=f"random_seed: {first.session.state.seed} max_iter: 6")
    runs.same(runs.weights(whole), runs.weights(second))


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 400 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"needs the right to mount a small disk: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("what", ["checkpoints", "pairs"])
def test_a_disk_runs_full(commands, small_data, tmp_path, small_disk, what):
    """One error, no half-written files; with space again the run resumes from the last good checkpoint."""
    config, run_dir = tmp_path / "small.prototxt", small_disk / "run" if what == "checkpoints" else tmp_path / "run"
    config.write_text(runs.SOLVER.replace("num_output: 4", "num_output: 100"))  # 61 kB of weights
    args = [f"--config={config}", f"--data_dir={small_data}", "--nosummaries", f"--run_dir={run_dir}", "--keep=0"]
    args.append("--allow_paths")
    changes = f'snapshot: 1 snapshot_prefix: "{small_disk}/pair"'
    process = commands.run(*args, f"--set={changes}")
    assert process.returncode == 1, process.stderr
    assert process.stderr.count("error: ") == 1, process.stderr
    assert "No space left on device" in process.stderr
    assert "Traceback" not in process.stderr
    good = re.search(r"(?:the last whole one is|resumes from) \S+ckpt-(\d+)\)", process.stderr)
    assert not list(small_disk.rglob("*partial*")) + list(small_disk.rglob("*_temp*"))
    for path in small_disk.glob("pair_*"):
        path.unlink()
    again = commands.run(*args, f"--set=max_iter: {int(good[1]) + 1}")
    assert again.returncode == 0, again.stderr
    assert f"Continuing from {run_dir}/checkpoints/ckpt-{good[1]} at iteration {good[1]}\n" in again.stderr


def test_changed_numbers_are_said(small_data, tmp_path):
    runs.train(tmp_path / "run", small_data, changes="max_iter: 2")
    with pytest.raises(CheckpointError, match=r"of another net or solver: losses is \(3,\) there, \(5,\) here"):
        runs.train(tmp_path / "run", small_data, changes="average_loss: 5")
    assert np.isfinite(runs.saved(tmp_path / "run", 2)["state/losses/.ATTRIBUTES/VARIABLE_VALUE"][:2]).all()
