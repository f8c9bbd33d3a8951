"""Checkpoints of a few variables: what is there is found by its files, whatever the directory is called."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import CheckpointError
from zoo.training import checkpoint_files
from zoo.training.checkpoints import Checkpoints, DamagedError, stored_seed


def made(folder, keep=5):
    """Returns (Checkpoints, the variables that they hold)."""
    state = {"seed": tf.Variable(np.int64(77)), "parameters/x": tf.Variable(np.zeros(200, np.float32))}
    return Checkpoints(folder, state, keep), state


def saved(folder, *iterations):
    """Writes checkpoints in which the variable is the iteration."""
    checkpoints, state = made(folder)
    for iteration in iterations:
        state["parameters/x"].assign(np.full(200, iteration, np.float32))
        assert checkpoints.save(iteration) == str(folder / f"ckpt-{iteration}")


@pytest.mark.parametrize("name", ["plain", "a[1]", "[", "what?", "all*", "back\\slash", "sp ace"])
def test_a_folder_of_any_name(tmp_path, name):
    folder = tmp_path / name / "checkpoints"
    saved(folder, 4, 8)
    checkpoints, state = made(folder, keep=2)
    assert stored_seed(folder) == 77
    assert checkpoints.restore() == str(folder / "ckpt-8")
    assert set(state["parameters/x"].numpy()) == {8}
    checkpoints.save(12)
    assert checkpoint_files.whole(folder) == [str(folder / f"ckpt-{n}") for n in (8, 12)]
    assert {path.name.partition(".")[0] for path in folder.glob("ckpt*")} == {"ckpt-8", "ckpt-12"}
    checkpoints.restore(str(folder / "ckpt-8"))
    assert set(state["parameters/x"].numpy()) == {8}


def test_a_relative_folder_with_the_signs_of_a_pattern(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (folder := tmp_path / "a[1]").mkdir()
    saved(folder.relative_to(tmp_path), 4)
    assert made(folder.relative_to(tmp_path))[0].restore() == "a[1]/ckpt-4"


@pytest.mark.parametrize("text", [None, b"", b"\xf7\x00garbage", b"{", b'model_checkpoint_path: "ckpt-77"'])
def test_the_list_of_checkpoints_is_not_needed(tmp_path, text):
    """A full disk leaves it empty, a kill leaves it old."""
    saved(tmp_path, 4, 8)
    (tmp_path / "checkpoint").unlink()
    if text is not None:
        (tmp_path / "checkpoint").write_bytes(text)
    checkpoints, _ = made(tmp_path)
    assert checkpoints.restore() == checkpoints.latest == str(tmp_path / "ckpt-8")
    assert tf.train.latest_checkpoint(tmp_path) == str(tmp_path / "ckpt-8")


def damage(path, how):
    data = path.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]
    path.write_bytes({"cut": data[:-60], "empty": b"", "flipped": flipped}.get(how, data))
    if how == "gone":
        path.unlink()


@pytest.mark.parametrize(
    ("ending", "how"),
    [("data-*", how) for how in ("cut", "empty", "flipped", "gone")] + [("index", how) for how in ("cut", "flipped")],
)
def test_the_one_before_a_damaged_one(tmp_path, caplog, ending, how):
    saved(tmp_path, 4, 8)
    damage(next(tmp_path.glob(f"ckpt-8.{ending}")), how)
    there = {path.name: path.read_bytes() for path in tmp_path.glob("ckpt-8.*")}
    checkpoints, state = made(tmp_path)
    assert stored_seed(tmp_path) == 77
    assert checkpoints.restore() == str(tmp_path / "ckpt-4")
    assert set(state["parameters/x"].numpy()) == {4}
    assert "DAMAGED CHECKPOINT: cannot read checkpoint" in caplog.text
    assert f"Its files are in {tmp_path}/ckpt-8.damaged now" in caplog.text
    assert {path.name: path.read_bytes() for path in (tmp_path / "ckpt-8.damaged").iterdir()} == there
    assert not list(tmp_path.glob("ckpt-8.[di][an]*-*")) + list(tmp_path.glob("ckpt-8.index"))
    checkpoints.save(8)
    damage(next(tmp_path.glob("ckpt-8.data-*")), "cut")
    assert made(tmp_path)[0].restore() == str(tmp_path / "ckpt-4")
    assert {path.name for path in tmp_path.glob("*.damaged*")} == {"ckpt-8.damaged", "ckpt-8.damaged.1"}


def test_where_all_are_damaged_none_is_moved(tmp_path):
    saved(tmp_path, 4, 8)
    for path in tmp_path.glob("ckpt-*.data*"):
        damage(path, "cut")
    before = sorted(tmp_path.iterdir())
    checkpoints, _ = made(tmp_path)
    with pytest.raises(DamagedError, match=r"cannot read checkpoint \S+ckpt-8, got .*--restart\)"):
        checkpoints.restore()
    assert sorted(tmp_path.iterdir()) == before


def test_one_of_another_net_is_not_passed_over(tmp_path):
    saved(tmp_path, 4, 8)
    other = Checkpoints(tmp_path, {"seed": tf.Variable(np.int64(0)), "parameters/x": tf.Variable(np.zeros(3))})
    with pytest.raises(CheckpointError, match=r"ckpt-8 is of another net or solver: parameters/x is \(200,\) there"):
        other.restore()
    assert checkpoint_files.whole(tmp_path) == [str(tmp_path / f"ckpt-{n}") for n in (4, 8)]
