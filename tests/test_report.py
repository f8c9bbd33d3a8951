"""What a command says at its end, for people and for programs."""

import json
import pathlib

import numpy as np
import pytest

from zoo import report
from zoo.report import Report


@pytest.fixture
def made(monkeypatch):
    monkeypatch.setattr(report, "python", lambda: "python")
    found = Report("2 images classified.")
    found.score("first", np.float32(0.5), "label first 0.5000").score("loss", float("nan"))
    found.made("table", pathlib.Path("a b.csv"))
    found.then("again", "zoo.classify", "--images=a b", pathlib.Path("x"))
    found.more["rows"] = np.arange(2)
    return found


def test_lines(made):
    assert made.lines() == [
        "2 images classified.",
        "  label first 0.5000",
        "  loss:  nan",
        "  table: a b.csv",
        "  again: python -m zoo.classify '--images=a b' x",
    ]


def test_the_heading_is_bold_where_the_stream_shows_it(made, monkeypatch):
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert made.lines()[0] == "\x1b[1m2 images classified.\x1b[0m"


def test_document(made):
    assert json.loads(made.document("zoo.classify", 1.23456)) == {
        "command": "zoo.classify",
        "exit_code": 0,
        "seconds": 1.235,
        "said": "2 images classified.",
        "scores": {"first": 0.5, "loss": None},
        "made": [{"what": "table", "path": "a b.csv"}],
        "next": {"again": "python -m zoo.classify '--images=a b' x"},
        "rows": [0, 1],
    }


def test_an_error_is_in_the_document():
    found = json.loads(Report(code=1).document("zoo.list", 0, "no such file"))
    assert (found["exit_code"], found["error"], found["said"], found["made"]) == (1, "no such file", None, [])


def test_how_python_is_typed(tmp_path, monkeypatch):
    monkeypatch.setattr(report.sys, "executable", str(tmp_path / "with space" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert report.python() == "'with space/python'"
    (tmp_path / "python").write_text("")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(report.sys, "executable", str(tmp_path / "python"))
    assert report.python() == "python"
