import csv
import signal
import traceback

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util.tensor_util import make_ndarray

from tests.training import runs
from zoo.errors import OutputError
from zoo.formats.sweep_values import trials
from zoo.training import sweeping

DONE = (
    "Done at iteration 9.\n  test acc = 0.5 (after 9 iterations)\n  test loss = 1.25 (after 9 iterations)\n"
    "  convert:     python -m zoo.convert --output=a.keras\n"
)
NAN = float("nan")


@pytest.fixture
def process(monkeypatch, tmp_path):
    """Stands for Python with zoo.train in it: `does` says what in a shell's words; `asked` is how it was called."""

    class Process:
        program = tmp_path / "python"

        def does(self, said="", code=0, error="", first=""):
            text = (
                f"{first}\nprintf '%s\\n' \"$@\" >{tmp_path}/asked\nprintf '{error}' >&2\nprintf '{said}'\nexit {code}"
            )
            self.program.write_text(f"#!/bin/sh\n{text}\n")
            self.program.chmod(0o755)

        def asked(self):
            return (tmp_path / "asked").read_text().splitlines()

    process = Process()
    process.does(DONE)
    monkeypatch.setattr(sweeping.sys, "executable", str(process.program))
    return process


def test_a_run_notes_its_scores_and_is_not_run_again(process, tmp_path):
    note = sweeping.run(tmp_path / "a", ["--config=x"])
    assert note["scores"] == {"acc": 0.5, "loss": 1.25}
    assert note["convert"] == "python -m zoo.convert --output=a.keras"
    assert process.asked() == ["-m", "zoo.train", "--config=x", f"--run_dir={tmp_path / 'a'}"]
    assert sweeping.noted(tmp_path / "a", ["--config=x"]) == note
    assert sweeping.noted(tmp_path / "a", ["--config=y"]) is None
    for text in ("{", "[]", "{}"):
        (tmp_path / "a" / "sweep.json").write_text(text)
        assert sweeping.noted(tmp_path / "a", ["--config=x"]) is None


def test_a_run_that_fails_or_stops_notes_nothing(process, tmp_path):
    process.does(code=1, error="Loading\nerror: net.prototxt:3: wrong\n")
    assert sweeping.run(tmp_path / "a", []) == {"error": "net.prototxt:3: wrong"}
    process.does(code=139)
    assert sweeping.run(tmp_path / "a", [])["error"] == f"exit code 139, see {tmp_path / 'a' / 'sweep.log'}"
    process.does("Stopped at iteration 3.\n")
    assert sweeping.run(tmp_path / "a", []) == {"stopped": True}
    assert not (tmp_path / "a" / "sweep.json").exists()


@pytest.mark.slow  # by itself it is quick; in the whole gate, among 3,000 threads of other tests, it once hung
def test_ctrl_c_reaches_the_run_and_waits_for_its_snapshot(process, tmp_path):
    """What the program saves takes longer than the quarter of a second that subprocess.run gives a process."""

    def interrupt(number, frame):
        waits = "communicate" in {each.f_code.co_name for each, _ in traceback.walk_stack(frame)}
        if waits and (tmp_path / "up").exists():
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt

    trap = f"trap 'sleep 0.7; touch {tmp_path}/saved; exit 0' INT"
    process.does(first=f"{trap}\ntouch {tmp_path}/up\nwhile :; do sleep 0.05; done")
    old = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        assert sweeping.run(tmp_path / "a", []) == {"stopped": True}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert (tmp_path / "saved").exists()


def test_a_directory_that_cannot_be_made_is_said(process, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write in the run directory .*/file/a, got Not a directory"):
        sweeping.run(tmp_path / "file" / "a", [])


def test_hparams_holds_the_runs_of_the_table_with_their_scores_of_now(process, tmp_path):
    first, second = trials(["base_lr: 0.5|0.25"])
    old = {"scores": {"acc": 0.25}, "seconds": 3.0}
    sweeping.write_hparams(tmp_path, {first: old, second: old})
    sweeping.write_hparams(tmp_path, {first: sweeping.run(tmp_path / first.name, ["--set=max_iter: 9"])})
    (file,) = (tmp_path / "hparams").rglob("*tfevents*")
    assert file.parent.name == first.name
    assert _scores(file) == {"test/acc": 0.5, "test/loss": 1.25}


def _scores(file):
    values = [value for event in EventFileLoader(str(file)).Load() for value in event.summary.value]
    return {value.tag: float(make_ndarray(value.tensor)) for value in values if value.tag.startswith("test/")}


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


@pytest.mark.parametrize(
    ("scores", "counts", "says"),
    [
        ([{"loss": 0.1, "accuracy": 0.8}, {"loss": 0.3, "accuracy": 0.9}], "accuracy", (1, "accuracy", 0.9, "highest")),
        ([{"loss": 0.1, "acc": 0.8}, {"loss": 0.3, "acc": 0.9}], "accuracy", (1, "acc", 0.9, "highest")),
        ([{"loss": 0.1, "acc": 0.8}, {"loss": 0.3, "acc": 0.9}], "loss", (0, "loss", 0.1, "lowest")),
        ([{"loss3/top-1": 0.5}, {"loss3/top-1": 0.25}], "accuracy", (0, "loss3/top-1", 0.5, "highest")),
        ([{"loss (test net 1)": 2.0}, {"loss (test net 1)": 1.0}], "accuracy", (1, "loss (test net 1)", 1.0, "lowest")),
        ([{"accuracy": NAN, "loss": 2.0}, {"accuracy": NAN, "loss": NAN}], "accuracy", (0, "loss", 2.0, "lowest")),
        ([{"accuracy": 0.5}, {"accuracy": 0.5}], "accuracy", (0, "accuracy", 0.5, "highest")),
        ([{"accuracy": 0.5}, None], "accuracy", (0, "accuracy", 0.5, "highest")),
        ([{"code": 1.0}, {"code": 2.0}], "accuracy", None),
        ([None, None], "accuracy", None),
    ],
)
def test_the_best_run(scores, counts, says):
    found = trials(["base_lr: 0.5|0.25"])
    notes = {each: {"error": "bad"} if said is None else {"scores": said} for each, said in zip(found, scores)}
    best = sweeping.best(notes, counts)
    assert best == (says and (found[says[0]], *says[1:]))


def test_time_left():
    assert sweeping.left([], 5) == ""
    assert sweeping.left([10, 20], 4) == ", about 60 s left"
    assert sweeping.left([100], 3) == ", about 5 min left"


@pytest.mark.parametrize(
    "given, says",
    [
        ("--set=gamma: 1", "--train_flags has a flag of zoo.sweep's own, got --set=gamma: 1, want --set by itself"),
        ("--no_cuda,--batch-size=3", "does not fit a sweep, got --batch-size=3, want one value for all runs"),
        ("--dry_run", "does not fit a sweep, got --dry_run, want flags of runs to compare"),
    ],
)
def test_flags_of_the_runs_that_would_overrule_the_table(given, says, tmp_path):
    args = ["--config=lenet", "--sweep=batch_size: 1|2", f"--sweep_dir={tmp_path}/out", f"--train_flags={given}"]
    done = runs.command(*args, module="zoo.sweep")
    assert (done.returncode, done.stdout) == (1, "") and says in done.stderr


def test_what_no_run_could_carry_out_is_said_before_the_first(tmp_path):
    args = ["--config=lenet", "--sweep=max_itr: 1|2", f"--sweep_dir={tmp_path}/out"]
    done = runs.command(*args, module="zoo.sweep")
    said = 'error: --sweep:1: SolverParameter has no field "max_itr" (did you mean "max_iter"?)'
    assert (done.returncode, done.stdout) == (1, "") and said in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_command_on_a_small_net(tmp_path):
    runs.make_data(tmp_path)
    (tmp_path / "small.prototxt").write_text(runs.SOLVER)
    args = [f"--config={tmp_path}/small.prototxt", f"--data_dir={tmp_path}", f"--sweep_dir={tmp_path}/out"]
    args += ["--sweep=base_lr: 0.01|wrong", "--set=max_iter: 4", '--train_flags=--nosummaries,"--stage=a,b"']
    done = runs.command(*args, module="zoo.sweep")
    assert done.returncode == 1, done.stderr
    assert "    FAILED: --set:1: field base_lr does not take this value, got wrong, want float\n" in done.stdout
    rows = list(csv.DictReader((tmp_path / "out" / "sweep.csv").read_text().splitlines()))
    assert rows[0]["base_lr"] == "0.01" and float(rows[0]["acc"]) >= 0 and rows[1]["error"]
    again = runs.command(*args, module="zoo.sweep")
    assert again.stdout.startswith("1 of 2: base_lr=0.01: done before\n")
