"""Disks that are full or may not be written: one error, nothing half done under a final name, and it goes on after."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from tests.data_prep.test_imagenet import ROOT, read

FULL = "No space left on device"


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 300 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = mount("-t", "tmpfs", "-o", "size=300k", "tmpfs", folder)
    if made.returncode:
        pytest.skip(f"needs the right to mount a small disk: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def mount(*args):
    return subprocess.run(["mount", *args], capture_output=True, text=True)


@pytest.fixture
def noise(tmp_path):
    """Forty images of 15 kB each, and a list of them."""
    rng, lines = np.random.default_rng(0), []
    for i in range(40):
        name = f"c{i % 2}/{i}.jpg"
        path = tmp_path / "all" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".jpg", rng.integers(0, 256, (120, 130, 3), dtype=np.uint8))[1].tobytes())
        lines.append(f"{name} {i % 2}\n")
    (tmp_path / "list.txt").write_text("".join(lines))
    return tmp_path / "all"


def command(module, *args):
    line = [sys.executable, "-m", f"data_prep.{module}", *map(str, args)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True)


def refused(*args):
    """Runs a command that has to fail with one error; returns that."""
    done = command(*args)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1 and len(errors) == 1 and "Traceback" not in done.stderr, done.stderr
    return errors[0]


@pytest.mark.parametrize("how", ["--processes=1", pytest.param("--runner=DirectRunner", marks=pytest.mark.slow)])
def test_a_full_disk_and_on_with_room(small_disk, noise, how):
    if "runner" in how:
        pytest.importorskip("apache_beam", reason="needs Apache Beam: pip install -r requirements-beam.txt")
    out = small_disk / "out"
    args = ["imagenet", f"--source={noise}", "--shards=4", "--val_shards=1", f"--output_dir={out}", how]
    error = refused(*args)
    assert FULL in error and f"{out}/" in error and "free some space" in error
    left = sorted(path.name for path in out.iterdir())
    assert left and all(name.startswith("train-0000") and ".partial" in name for name in left)
    mount("-o", "remount,size=3m", small_disk)
    done = command(*args)
    assert done.returncode == 0 and "of 4 shards were finished by an earlier run" in done.stdout, done.stderr
    assert read(out / "train")[0].count == 36 and not list(out.glob("*partial*"))


@pytest.mark.parametrize("backend", ["lmdb", "leveldb", "list"])
def test_a_database_on_a_full_disk(tmp_path, small_disk, noise, backend):
    args = [f"--source={tmp_path}/list.txt", f"--root_folder={noise}/", f"--backend={backend}"]
    error = refused("databases", *args, f"--output={small_disk}/out")
    assert f"error: {small_disk}/out: cannot write" in error and "b'" not in error
    assert backend == "lmdb" or FULL in error  # LMDB says "Input/output error"
    assert not list(small_disk.iterdir())


def test_a_disk_that_may_not_be_written(tmp_path, small_disk, noise):
    mount("-o", "remount,ro", small_disk)
    args = ["imagenet", f"--source={noise}"]
    assert f"{small_disk}/out: cannot make the directory, got Read-only" in refused(
        *args, f"--output_dir={small_disk}/out"
    )
    assert f"cannot write {small_disk}/.lock, got Read-only" in refused(*args, f"--output_dir={small_disk}")
    args = ["databases", f"--source={tmp_path}/list.txt", f"--root_folder={noise}/", f"--output={small_disk}/out"]
    assert "Read-only file system" in refused(*args)


def test_a_finished_set_that_may_not_be_written(small_disk, noise):
    mount("-o", "remount,size=3m", small_disk)
    args = ["imagenet", f"--source={noise}", "--shards=1", f"--output_dir={small_disk}/out"]
    assert command(*args).returncode == 0
    (small_disk / "out" / "train.md").unlink()
    (small_disk / "out" / ".lock").write_text("of a process that was killed")
    mount("-o", "remount,ro", small_disk)
    done = command(*args)
    assert done.returncode == 0 and "Nothing to do" in done.stdout and "Traceback" not in done.stderr, done.stderr
    assert f"NOTE: train has no sheet of its images: {small_disk}/out/train.png: cannot be written" in done.stderr
