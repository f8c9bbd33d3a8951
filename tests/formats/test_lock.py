"""A lock file: one holder at a time, free again however its holder ends, gone when nobody holds it."""

import functools
import subprocess
import sys

import pytest

from zoo.errors import DataError
from zoo.formats import lock

locked = functools.partial(lock.locked, error=DataError, what="somebody else writes", hint="wait")
HOLD = """
import sys
from zoo.errors import DataError
from zoo.formats import lock
with lock.locked(sys.argv[1], DataError, "somebody else writes", "wait"):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path):
    """Starts a process that holds the lock at `path` until its input ends."""
    args = [sys.executable, "-c", HOLD, str(path)]
    holder = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    return holder


@pytest.mark.parametrize("end", ["well", "killed"])
def test_another_process_is_refused_until_the_holder_ends(tmp_path, end):
    path = tmp_path / "lock"
    with hold(path) as holder:
        said = rf"somebody else writes, got process {holder.pid} on \S+ \(wait\)"
        with pytest.raises(DataError, match=said), locked(path):
            pytest.fail("held twice")
        if end == "killed":
            holder.kill()
            holder.wait()
            assert path.read_text().startswith(f"process {holder.pid} ")
        else:
            holder.stdin.close()
            assert holder.wait() == 0
            assert not path.exists()
    with locked(path), pytest.raises(DataError, match="somebody else"), locked(path):
        pass
    assert not path.exists()


def test_a_lock_that_was_removed_meanwhile_is_not_taken_for_one(tmp_path, monkeypatch):
    """The holder ends between a second one's opening of the file and its lock: what that one holds is no file any more,
    and a third one would hold another at once."""
    path, take, holders = tmp_path / "lock", lock._take, []

    def late(*args):
        if not holders:
            holders.append(path.unlink())
        take(*args)

    monkeypatch.setattr(lock, "_take", late)
    with locked(path), pytest.raises(DataError, match="somebody else"), locked(path):
        pass


def test_a_lock_does_not_remove_that_of_another_folder(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    with locked(folder / "lock"):
        folder.rename(tmp_path / "aside")
        folder.mkdir()
        (folder / "lock").write_text("of another")
    assert (folder / "lock").read_text() == "of another"


def test_where_it_cannot_be_written(tmp_path):
    with (
        pytest.raises(DataError, match=r"cannot write \S+/none/lock, got No such file"),
        locked(tmp_path / "none/lock"),
    ):
        pass
