"""Two commands that prepare data in one directory: the second is refused, by one error, until the first has ended."""

import contextlib
import pathlib
import subprocess
import sys
import time

import numpy as np
import pytest

from data_prep import cifar10, common, images, mnist
from tests.data_prep import ilsvrc
from tests.data_prep.test_imagenet import ROOT
from tests.data_prep.waiting import Waiting
from zoo.errors import DataError

LIMIT = 600  # seconds: with two processes a set takes 30 s of CPU, of which a busy machine may give a tenth
SAID = r"another command is preparing data in \S+/out, got process \d+ on \S+ \(wait for it, stop it, or name another"


@contextlib.contextmanager
def command(module, *args, env=None):
    """Gives a command that runs, and ends it."""
    line, pipe = [sys.executable, "-m", f"data_prep.{module}", *map(str, args)], subprocess.PIPE
    with subprocess.Popen(line, cwd=ROOT, env=env, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def refused(module, *args, holder):
    """Checks that a command ends with one error that names the process `holder`."""
    with command(module, *args) as second:
        out, err = second.communicate(timeout=120)
    assert second.returncode == 1 and err.count("error: ") == 1 and "Traceback" not in err, err
    assert f"another command is preparing data in {args[-1].partition('=')[2]}, got process {holder} on " in err
    assert not out


def finished(out):
    return sorted((path.name, path.stat().st_mtime_ns) for path in out.iterdir() if path.is_file())


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_second_preparer_is_refused_and_a_killed_one_does_not_block(tmp_path, processes):
    folder, out = tmp_path / "all", tmp_path / "out"
    (folder / "c0").mkdir(parents=True)
    for i in range(4):
        (folder / "c0" / f"{i}.JPEG").write_bytes(ilsvrc.jpeg(i))
    stuck = images.shuffled(images.listing(folder), 0)[3].path  # in the second shard of two
    waiting = Waiting(tmp_path, [stuck])
    args = [f"--source={folder}", f"--val_source={folder}", f"--processes={processes}", "--shards=2"]
    args += [f"--output_dir={out}"]
    with command("imagenet", *args, env=waiting.env) as first:
        deadline = time.monotonic() + 120
        while not list(out.glob("*.partial.json")) and time.monotonic() < deadline and first.poll() is None:
            time.sleep(0.05)
        before = finished(out)
        refused("imagenet", *args, holder=first.pid)
        refused("imagenet", "--force", *args, holder=first.pid)
        assert first.poll() is None and finished(out) == before
    waiting.end()
    assert (out / ".lock").exists()
    with command("imagenet", *args) as third:
        assert third.wait(LIMIT) == 0, third.stderr.read()
    assert not [path.name for path in out.iterdir() if path.name.startswith(".") or "partial" in path.name]


def test_every_command_that_writes_shards(tmp_path, monkeypatch):
    out = tmp_path / "out"
    arrays = mnist.Split(np.zeros((2, 28, 28, 1), np.uint8), np.array([0, 1]))
    monkeypatch.setattr(mnist, "load", lambda *args: ("idx", "here", {"train": arrays, "test": arrays}))
    colour = cifar10.Split(np.zeros((2, 32, 32, 3), np.uint8), np.array([0, 1]))
    monkeypatch.setattr(cifar10, "load", lambda *args: {"train": colour, "test": colour})
    (tmp_path / "list.txt").write_text("a.jpg 0\n")
    (tmp_path / "a.jpg").write_bytes(ilsvrc.jpeg(1))
    with common.alone(out):
        with pytest.raises(DataError, match=SAID):
            mnist.prepare(out, shards=1)
        with pytest.raises(DataError, match=SAID):
            cifar10.prepare(out, "here", shards=1)
        args = [f"--source={tmp_path}/list.txt", f"--root_folder={tmp_path}/", "--backend=records"]
        with command("databases", *args, f"--output={out}/mine") as third:
            assert "error: another command is preparing" in third.communicate(timeout=120)[1] and third.returncode == 1
        assert [path.name for path in out.iterdir()] == [".lock"]
    assert not out.exists()
    assert mnist.prepare(out, shards=1)["train"].count == 2


def test_databases_beside_each_other_do_not_wait(tmp_path):
    (tmp_path / "list.txt").write_text("a.jpg 0\n")
    (tmp_path / "a.jpg").write_bytes(ilsvrc.jpeg(1))
    args = [f"--source={tmp_path}/list.txt", f"--root_folder={tmp_path}/", "--backend=list"]
    with common.alone(tmp_path / "out", ".one.lock"):
        with command("databases", *args, f"--output={tmp_path}/out/one") as one:
            assert "another command" in one.communicate(timeout=120)[1] and one.returncode == 1
        with command("databases", *args, f"--output={tmp_path}/out/two") as two:
            assert two.wait(120) == 0, two.stderr.read()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["two"]


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    for path, said in (("file/out", "Not a directory"), ("file", "File exists")):
        with (
            pytest.raises(DataError, match=f"{path}: cannot make the directory, got {said}"),
            common.alone(tmp_path / path),
        ):
            pytest.fail("held")


def test_a_folder_that_was_there_stays(tmp_path):
    with common.alone(tmp_path):
        assert pathlib.Path(tmp_path, ".lock").exists()
    assert tmp_path.exists() and not list(tmp_path.iterdir())
