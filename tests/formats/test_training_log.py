"""Logs that are damaged, or made to take time or memory; tests/test_plot.py has those that are sound."""

import gzip
import os
import time

import pytest

from zoo.errors import DataError
from zoo.formats import training_log

LINE = b"I1121 08:27:08.694886 140048 caffe_log.py:25] Iteration 100 (0 iter/s, 1.4s/100 iters), loss = 1e-05\n"


@pytest.mark.parametrize(
    "content, said",
    [
        (gzip.compress(LINE * 100)[:-9], "cannot read log .*, got Compressed file ended"),
        (b"\x1f\x8bno archive at all", "cannot read log"),
        (
            LINE + LINE.replace(b"100 ", b"1" * 5000 + b" "),
            r"x.log:2: no iteration of Caffe's, got 1{20}\.\.\., want at",
        ),
        (LINE.replace(b"100 ", b"2147483648 "), "x.log:1: no iteration of Caffe's"),
        (LINE.replace(b"= 1e", b"= e"), "no training log"),
        (b"] Iteration 1 no value\n] Iteration 2, loss =\n", "no training log"),
    ],
    ids=range(6),
)
def test_damaged(tmp_path, content, said):
    (tmp_path / "x.log").write_bytes(content)
    with pytest.raises(DataError, match=said):
        training_log.read(tmp_path / "x.log")


@pytest.mark.parametrize(
    "line",
    [b"] Iteration 1 " * 300_000, b"] Train net output #0: a" * 200_000, b"]" + b" " * 3_000_000, b"] " * 1_500_000],
    ids=range(4),
)
def test_long_lines_take_time_in_proportion(tmp_path, line):
    (tmp_path / "x.log").write_bytes(line + b"\n" + LINE)
    begin = time.process_time()
    assert training_log.read(tmp_path / "x.log").loss == [(100, 1e-05)]
    assert time.process_time() - begin < 5  # 0.1 s; where it was quadratic, many minutes


def test_an_archive_is_known_by_its_content_and_unpacked_within_the_limit(tmp_path, monkeypatch):
    (tmp_path / "x.log").write_bytes(gzip.compress(LINE + bytes(3_000_000) + b"\n" + LINE.replace(b"100", b"200")))
    assert training_log.read(tmp_path / "x.log").loss == [(100, 1e-05), (200, 1e-05)]
    monkeypatch.setenv("ZOO_MAX_UNPACKED_BYTES", "1000000")
    with pytest.raises(DataError, match=r"a gzip archive that unpacks to more, got \d+ bytes, want at most 1000000"):
        training_log.read(tmp_path / "x.log")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.log")
    with pytest.raises(DataError, match="is a device, pipe or socket, not a file"):
        training_log.read(tmp_path / "x.log")
