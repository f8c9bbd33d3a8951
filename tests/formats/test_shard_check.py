"""Shards exchanged for others of the same size: found once a run, in a thread that ends with it."""

import contextlib
import dataclasses
import pathlib
import threading
import time

import pytest
from absl import logging

from zoo.errors import DataError
from zoo.formats import records, regular
from zoo.formats.atomic import sha256
from zoo.formats.shard_check import ShardCheck

NAMES = "a.tfrecord", "b.tfrecord"


@pytest.fixture
def split(tmp_path):
    """(prefix, card) of a split of two shards of 3 MB, of which only what is checked is right."""
    shards = []
    for name in NAMES:
        path = tmp_path / name
        path.write_bytes(name.encode() * 300_000)
        shards.append(records.Shard(name, 1, path.stat().st_size, sha256(path)))
    card = records.Card("s", "raw", {}, 1, "gray", (1, 1), (1, 1), ("a",), tuple(shards), "make_it --force")
    return tmp_path / "s", card


def exchange(split, index=1):
    """Makes another shard of the same size of shard `index`; returns its path."""
    path = pathlib.Path(records.shard_paths(*split)[index])
    path.write_bytes(path.read_bytes()[::-1])
    return path


def test_an_exchanged_shard(split):
    path = exchange(split)
    with ShardCheck() as shards:
        for index in (0, 1):
            shards.add(*split, index)
        with pytest.raises(DataError) as caught:
            shards.settle("it ends", None)
        with pytest.raises(DataError) as again:
            shards.raise_found()
    assert again.value is caught.value
    wanted = split[1].shards[1].sha256
    assert str(caught.value) == (
        f"{path}: a damaged or exchanged shard, got SHA-256 {sha256(path)[:16]}..., "
        f"want {wanted[:16]}... as its card says (prepare it again: make_it --force)"
    )


def test_each_is_read_once_and_right_ones_are_not_mentioned(split, monkeypatch):
    opened, said, real = [], [], regular.open_binary
    monkeypatch.setattr(regular, "open_binary", lambda path: opened.append(path) or real(path))
    monkeypatch.setattr(logging, "info", lambda *args: said.append(args))
    with ShardCheck() as shards:
        for index in (0, 1, 0, 1):
            shards.add(*split, index)
        shards.settle("it ends", None)
        shards.add(*split, 0)
        shards.settle("it ends", None)
        shards.raise_found()
    assert opened == records.shard_paths(*split) and not said


def test_one_that_has_gone(split):
    path = pathlib.Path(records.shard_paths(*split)[0])
    path.unlink()
    with ShardCheck() as shards:
        shards.add(*split, 0)
        with pytest.raises(DataError, match=f"{path}: a shard cannot be read, got .*No such file.*make_it"):
            shards.settle("it ends", None)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "shard check"]


def test_no_thread_where_there_is_nothing_to_check(split):
    prefix, card = split
    card = dataclasses.replace(card, shards=tuple(dataclasses.replace(shard, sha256=None) for shard in card.shards))
    with ShardCheck() as shards:
        shards.add(prefix, card, 0)  # as of TensorFlow Datasets
        assert not threads()
        shards.settle("it ends", None)


class Endless(contextlib.nullcontext):
    """A file on a slow disk that never ends."""

    def __enter__(self):
        return self

    def readinto(self, buffer):
        time.sleep(0.01)
        return len(buffer)


def test_an_end_that_does_not_wait(split, monkeypatch, caplog):
    """Who needs the check waits as long as it says, and no longer; the end of the context ends the thread."""
    monkeypatch.setattr(regular, "open_binary", lambda path: Endless())
    began = time.monotonic()
    with ShardCheck() as shards:
        for index in (0, 1):
            shards.add(*split, index)
        with caplog.at_level("INFO", "absl"):
            shards.settle("it ended", 0.1)
        assert threads()
    assert not threads() and time.monotonic() - began < 5
    assert "2 of 2 shards that were read were not checked before it ended" in caplog.text
