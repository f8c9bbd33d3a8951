import csv
import subprocess

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util.tensor_util import make_ndarray

from tests.training import runs
from zoo.formats.sweep_values import trials
from zoo.training import sweeping

DONE = b"Done at iteration 9.\n  test acc = 0.5 (after 9 iterations)\n  test loss = 1.25 (after 9 iterations)\n"


@pytest.fixture
def process(monkeypatch):
    """Stands for zoo.train: what it is to print and return; `asked` is how it was called."""

    class Process:
        asked, said, code, error = [], DONE, 0, b""

        def run(self, words, stdout, stderr):
            self.asked.append(words)
            stderr.write(self.error)
            return subprocess.CompletedProcess(words, self.code, self.said)

    process = Process()
    process.asked = []
    monkeypatch.setattr(sweeping.subprocess, "run", process.run)
    return process


def test_a_run_notes_its_scores_and_is_not_run_again(process, tmp_path):
    note = sweeping.run(tmp_path / "a", ["--config=x"])
    assert note["scores"] == {"acc": 0.5, "loss": 1.25}
    assert process.asked[0][1:] == ["-m", "zoo.train", "--config=x", f"--run_dir={tmp_path / 'a'}"]
    assert sweeping.noted(tmp_path / "a", ["--config=x"]) == note
    assert sweeping.noted(tmp_path / "a", ["--config=y"]) is None
    for text in ("{", "[]", "{}"):
        (tmp_path / "a" / "sweep.json").write_text(text)
        assert sweeping.noted(tmp_path / "a", ["--config=x"]) is None


def test_a_run_that_fails_or_stops_notes_nothing(process, tmp_path):
    process.code, process.error = 1, b"Loading\nerror: net.prototxt:3: wrong\n"
    assert sweeping.run(tmp_path / "a", []) == {"error": "net.prototxt:3: wrong"}
    process.code, process.error = 139, b""
    assert sweeping.run(tmp_path / "a", [])["error"] == f"exit code 139, see {tmp_path / 'a' / 'sweep.log'}"
    process.code, process.said = 0, b"Stopped at iteration 3.\n"
    assert sweeping.run(tmp_path / "a", []) == {"stopped": True}
    assert not (tmp_path / "a" / "sweep.json").exists()


def test_the_table_and_hparams(tmp_path):
    first, second = trials(["base_lr: 0.5|x"])
    notes = {first: {"scores": {"acc": 0.25}, "seconds": 3.0}, second: {"error": "bad, very"}}
    rows = sweeping.rows(notes)
    assert rows == [["base_lr", "acc", "seconds", "error"], ["0.5", "0.25", "3.0", ""], ["x", "", "", "bad, very"]]
    assert sweeping.table(rows)[1] == "    0.5  0.25      3.0"
    sweeping.write_csv(tmp_path / "sweep.csv", rows)
    assert list(csv.reader((tmp_path / "sweep.csv").read_text().splitlines())) == rows
    sweeping.write_hparams(tmp_path, notes)
    (file,) = (tmp_path / "hparams").rglob("*tfevents*")
    found = {value.tag: value for event in EventFileLoader(str(file)).Load() for value in event.summary.value}
    assert make_ndarray(found["test/acc"].tensor) == 0.25
    content = found["_hparams_/session_start_info"].metadata.plugin_data.content
    started = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert {name: value.number_value for name, value in started.hparams.items()} == {"base_lr": 0.5}


def test_time_left():
    assert sweeping.left([], 5) == ""
    assert sweeping.left([10, 20], 4) == ", about 60 s left"
    assert sweeping.left([100], 3) == ", about 5 min left"


@pytest.mark.slow
def test_the_command_on_a_small_net(tmp_path):
    runs.make_data(tmp_path)
    (tmp_path / "small.prototxt").write_text(runs.SOLVER)
    args = [f"--config={tmp_path}/small.prototxt", f"--data_dir={tmp_path}", f"--sweep_dir={tmp_path}/out"]
    args += ["--sweep=base_lr: 0.01|wrong", "--set=max_iter: 4", "--train_flags=--nosummaries"]
    done = runs.command(*args, module="zoo.sweep")
    assert done.returncode == 1, done.stderr
    assert "    FAILED: --set:1: field base_lr does not take this value, got wrong, want float\n" in done.stdout
    rows = list(csv.DictReader((tmp_path / "out" / "sweep.csv").read_text().splitlines()))
    assert rows[0]["base_lr"] == "0.01" and float(rows[0]["acc"]) >= 0 and rows[1]["error"]
    again = runs.command(*args, module="zoo.sweep")
    assert again.stdout.startswith("1 of 2: base_lr=0.01: done before\n")
