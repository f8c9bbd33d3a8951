"""Whether a file can be written, said before the work that its content takes."""

import os

import pytest

from zoo.errors import OutputError
from zoo.formats import atomic


def test_a_folder_that_is_missing_or_not_ours_to_write_is_said_before_any_work(tmp_path, monkeypatch):
    atomic.check(tmp_path / "x.keras", OutputError)
    with pytest.raises(OutputError, match=r"no/x\.keras: cannot be written, got no directory .*no"):
        atomic.check(tmp_path / "no" / "x.keras", OutputError)
    atomic.check(tmp_path / "no" / "a" / "x.png", OutputError, makes_folder=True)
    assert not os.listdir(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)  # as on a read-only disk; the superuser has every right
    for more in ({}, {"makes_folder": True}):
        with pytest.raises(OutputError, match=f"no right to write in {tmp_path}"):
            atomic.check(tmp_path / "x.keras", OutputError, **more)


def test_what_is_there_already_is_of_the_right_kind(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    atomic.check(tmp_path / "folder", OutputError, directory=True)
    atomic.check(tmp_path / "file", OutputError)
    with pytest.raises(OutputError, match="folder: cannot be written, got is a directory"):
        atomic.check(tmp_path / "folder", OutputError)
    with pytest.raises(OutputError, match=r"x\.png: cannot be written, got .*file, which is no directory"):
        atomic.check(tmp_path / "file" / "a" / "x.png", OutputError, makes_folder=True)
