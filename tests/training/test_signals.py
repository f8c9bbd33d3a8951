"""Ctrl-C, SIGTERM and SIGHUP to a running command: what is saved, what it says, how it exits, and how it goes on."""

import re
import signal
import time

import pytest

from tests.training import runs
from zoo.training import signals


class Trainer:
    def __init__(self, server, data, folder):
        self._server, self.folder = server, folder
        self._data = data
        self.run_dir = folder / "run"

    def start(self, changes, *args, text=runs.SOLVER, run_dir="run"):
        for old, new in changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (self.folder / "small.prototxt").write_text(text)
        paths = [f"--config={self.folder}/small.prototxt", f"--run_dir={self.folder / run_dir}"]
        return self._server.start(*paths, f"--data_dir={self._data}", "--nohistograms", *args)

    def finish(self, *args, **options):
        process = self.start(*args, **options)
        process.wait()
        return process

    def saved(self, run_dir="run"):
        return sorted(int(p.stem[5:]) for p in (self.folder / run_dir / "checkpoints").glob("ckpt-*.index"))


@pytest.fixture
def trainer(commands, small_data, tmp_path):
    return Trainer(commands, small_data, tmp_path)


def says(process, text):
    return lambda: text in process.stderr


def iteration_at_stop(process):
    return int(re.search(r"(?:Stopped|Done) at iteration (\d+)\.", process.stdout)[1])


ENDLESS = {"max_iter: 24": "max_iter: 1000000", "display: 4": "display: 40", "snapshot: 8": "snapshot: 100000"}
SELDOM = {"test_interval: 6": "test_interval: 100000"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_stop_saves_and_says_so_and_the_same_command_goes_on(trainer, number, code):
    process = trainer.start({**ENDLESS, **SELDOM})
    process.wait_for(says(process, "Iteration 40 ("))
    process.send_signal(number)
    assert process.wait() == code, process.stderr
    stopped = iteration_at_stop(process)
    assert stopped > 40
    assert trainer.saved() == [stopped]
    assert "The same command continues." in process.stdout
    assert "Optimization stopped early." in process.stderr
    assert "Traceback" not in process.stderr
    assert (trainer.run_dir / "snapshots" / f"small_iter_{stopped}.solverstate").exists()
    # Ten iterations further, with the stop and without: the same bits.
    to = {**ENDLESS, **SELDOM, "max_iter: 24": f"max_iter: {stopped + 10}"}
    again = trainer.finish(to)
    assert f"at iteration {stopped}\n" in again.stderr
    assert again.returncode == 0
    assert trainer.finish(to, run_dir="whole").returncode == 0
    runs.same(*(runs.saved(trainer.folder / name, stopped + 10) for name in ("run", "whole")))


def test_ctrl_c_during_a_test_leaves_the_test_to_be_made_anew(trainer):
    """The run stops within the test; the test data then stand where it began, so that it comes out the same."""
    long_test = {**ENDLESS, "test_iter: 3": "test_iter: 2000000", "test_interval: 6": "test_interval: 5"}
    quick = {"test_interval: 6": "test_interval: 5", "max_iter: 24": "max_iter: 12"}
    assert trainer.finish({**quick, "max_iter: 24": "max_iter: 4"}).returncode == 0
    process = trainer.start(long_test)
    process.wait_for(says(process, "Iteration 5, Testing net"))
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0, process.stderr
    assert "Test interrupted." in process.stderr
    assert iteration_at_stop(process) == 5
    assert trainer.saved() == [4, 5]
    resumed, whole = trainer.finish(quick), trainer.finish(quick, run_dir="whole")
    tests = [re.findall(r"Test net output #\d: (.*)", p.stderr) for p in (resumed, whole)]
    assert len(tests[1]) == 6  # at 0, 5 and 10, two outputs each
    assert tests[0] == tests[1][2:]


def test_a_snapshot_asked_for_during_a_test_goes_on_with_it(trainer):
    text = {**ENDLESS, "test_iter: 3": "test_iter: 60000"}
    process = trainer.start(text)
    process.wait_for(says(process, "Iteration 0, Testing net"))
    process.send_signal(signal.SIGHUP)
    process.wait_for(says(process, "Snapshotting to"))
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143, process.stderr
    assert trainer.saved() == [0]
    position = runs.saved(trainer.run_dir, 0)["state/position/.ATTRIBUTES/VARIABLE_VALUE"]
    assert position.tolist() == [0, 0]


def test_ctrl_c_before_the_first_iteration(trainer):
    """While the graph is being traced the request waits for the first call, and then stops the run."""
    process = trainer.start({**ENDLESS, **SELDOM, "test_iter: 3": "test_iter: 0"})
    process.wait_for(says(process, "Solving small"))
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0, process.stderr
    assert trainer.saved() == [iteration_at_stop(process)]
    assert iteration_at_stop(process) <= 1


def test_ctrl_c_while_the_nets_are_built_ends_without_a_traceback(trainer):
    process = trainer.start(ENDLESS)
    time.sleep(0.25)  # flags are read at once, and building takes longer
    process.send_signal(signal.SIGINT)
    assert process.wait() in (0, 130), process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("effect", ["snapshot", "none"])
def test_effects_other_than_stop(trainer, effect):
    process = trainer.start({**ENDLESS, **SELDOM}, f"--sigint_effect={effect}", f"--sighup_effect={effect}")
    for number in (signal.SIGINT, signal.SIGHUP):
        before = process.stderr.count(" (")
        process.wait_for(lambda before=before: process.stderr.count("iter/s") > before // 100 + 1)
        process.send_signal(number)
        if effect == "snapshot":
            count = len(trainer.saved())
            process.wait_for(lambda count=count: len(trainer.saved()) > count)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert len(trainer.saved()) == (3 if effect == "snapshot" else 1)


def test_a_stop_asked_for_at_the_end_is_no_reason_to_run_again(trainer):
    """SIGTERM while the last test runs, after max_iter: what is trained is saved, and the exit says 0 or rerun."""
    text = {"max_iter: 24": "max_iter: 6", "test_iter: 3": "test_iter: 200000"}
    process = trainer.start({**text, "average_loss: 3": "average_loss: 3 test_initialization: false"})
    process.wait_for(says(process, "Iteration 6, Testing net"))
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    assert trainer.saved() == [6]
    assert iteration_at_stop(process) == 6


def test_handlers_come_back():
    before = signal.getsignal(signal.SIGINT)
    with signals.Signals() as asked:
        asked.listen()
        assert signal.getsignal(signal.SIGINT) != before
        signal.raise_signal(signal.SIGHUP)
        assert asked.poll() == signals.SNAPSHOT
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGINT)
        assert asked.poll() == signals.STOP
        assert asked.poll() is None
        assert not asked.terminated
    assert signal.getsignal(signal.SIGINT) == before


def test_an_interrupt_while_nets_are_built_stops_the_solver_and_a_second_one_interrupts():
    before = signal.getsignal(signal.SIGINT)
    with signals.Signals() as asked:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        asked.listen()
        assert asked.poll() == signals.STOP
    assert signal.getsignal(signal.SIGINT) is before
