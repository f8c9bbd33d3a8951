"""zoo.parse_log and zoo.plot_log as people type them."""

import gzip
import os
import subprocess

import pytest

from tests.commands import ROOT, run
from tests.test_plot import LOG


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.log").write_text(LOG)
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(LOG.replace("0.25", "0.5").encode()))
    (tmp_path / "no.log").write_text("nothing of Caffe's\n")
    (tmp_path / "tables").mkdir()
    return tmp_path


def test_a_log_to_tables_to_a_chart(folder):
    said = run("zoo.parse_log", "a.log", cwd=folder)
    assert said.splitlines()[0] == "a.log.train: 3 rows of Iters Seconds TrainingLoss LearningRate"
    assert (folder / "a.log.test").read_text() == "#Iters Seconds TestAccuracy\n0  0.000000  0.1027\n"
    run("zoo.parse_log", "b.log.gz", "tables", "--csv", cwd=folder)
    assert sorted(path.name for path in (folder / "tables").iterdir()) == ["b.log.test", "b.log.train"]
    said = run("zoo.plot_log", "a.log.train", cwd=folder)
    assert said.startswith("Available headers of a.log.train:\n  Iters Seconds TrainingLoss LearningRate\n  draw: ")
    typed = said.partition("  draw: ")[2]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(["bash", "-c", typed], cwd=folder, env=env, capture_output=True).returncode == 0
    assert (folder / "TrainingLoss.png").is_file()
    run("zoo.plot_log", "a.log.train", "b.log.gz", "Iters", "TrainingLoss", "x.png", cwd=folder)
    assert (folder / "x.png").read_bytes().startswith(b"\x89PNG")
    run("zoo.plot_log", "7", "y.svg", "a.log", "b.log.gz", cwd=folder)
    svg = (folder / "y.svg").read_text()
    assert "<!-- TrainingLoss vs. Seconds -->" in svg and "<!-- a -->" in svg and "<!-- b -->" in svg


@pytest.mark.parametrize(
    "words, said",
    [
        ("zoo.parse_log", "which log?"),
        ("zoo.parse_log none.log", "cannot read log none.log, got No such file"),
        ("zoo.parse_log no.log", "no training log: no.log"),
        ("zoo.parse_log a.log nowhere", "nowhere: no such directory"),
        ("zoo.parse_log a.log . --csv --delimiter=ab", "--delimiter, got 'ab', want one character"),
        ("zoo.plot_log none.train", "cannot read none.train, got No such file"),
        ("zoo.plot_log a.log Iters TrainingLoss", "which columns, and which chart?"),
        ("zoo.plot_log a.log Iters TrainLoss x.png", "a.log: no such column, got 'TrainLoss', want one of Iters, Sec"),
        ("zoo.plot_log a.log TestAccuracy TrainingLoss x.png", "a.log: columns of different tables"),
        ("zoo.plot_log a.log Iters TrainingLoss x.abc", "cannot draw x.abc, got Format 'abc' is not supported"),
        ("zoo.plot_log 8 x.png a.log", "no such chart type, got 8, want 0 to 7"),
        ("zoo.plot_log 6 x.png", "which logs?"),
        ("zoo.plot_log \u00b2 x.png a.log", "which columns, and which chart?"),
        (f"zoo.plot_log {'a' * 300}", "got File name too long"),
        (f"zoo.parse_log a.log {'a' * 300}", "no such directory"),
    ],
)
def test_mistakes_are_said(folder, words, said):
    before = sorted(folder.rglob("*"))
    assert said in run(*words.split(), cwd=folder, ok=False)
    assert sorted(folder.rglob("*")) == before
