"""Progress on a terminal and without one."""

import io
import os
import pty
import re
import select
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from absl import logging

from zoo import progress, terminal
from zoo.progress import Progress, waiting


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_come_now_and_then_with_rate_and_time_left():
    now, said = [100.0], io.StringIO()
    with Progress(5000, "train", "record", lines=True, clock=lambda: now[0], stream=said) as bar:
        bar.add(1000, kept=True)
        for seconds in (10, 25, 40, 50):
            now[0] = 100.0 + seconds
            bar.add(250)
        now[0] = 300.0
        bar.add(3000)
    # At 40 s: 750 made, not the 1000 that were there: 18.75/s, and 3250 left.
    assert said.getvalue() == "train: 1750 of 5000 records, 19/s, 3 min left\n"


def test_nothing_is_said_in_files_by_those_who_do_not_ask():
    now, said = [0.0], io.StringIO()
    with Progress(10, "train", clock=lambda: now[0], stream=said) as bar:
        for now[0] in range(0, 1000, 100):
            bar.add()
    assert said.getvalue() == ""


def test_nothing_done_has_no_rate():
    assert (
        Progress(10, "val", "record", clock=lambda: 0.0, stream=io.StringIO()).line(5.0) == "val: 0 of 10 records, 0/s"
    )


def test_a_bar_on_a_terminal_goes_away():
    said, threads = Terminal(), threading.active_count()
    with Progress(10, "val", "record", stream=said) as bar:
        bar.add(4, kept=True)
        time.sleep(0.15)  # it is drawn ten times a second at most
        bar.to(10, "loss 0.1")
        assert threading.active_count() == threads
    assert "10/10" in said.getvalue() and "val: 100%" in said.getvalue() and "loss 0.1" in said.getvalue()
    assert said.getvalue().rpartition("\r")[0].endswith(" ") and said.getvalue().endswith("\r")
    assert not terminal.drawn


def test_until_the_first_is_counted_its_seconds_are_said(at_a_terminal):
    """The first batch of a net waits for its graph: a bar would stand still, and take it for the rate of all."""
    read = at_a_terminal()
    with Progress(12, "testing", "batch", start=2) as bar:
        time.sleep(1.3)
        bar.add()
        time.sleep(0.15)
        bar.add(4)
    said = read()
    assert "\x1b[Ktesting: the first of 10 batches ...\r\x1b[Ktesting: the first of 10 batches ... 1 s\r" in said
    assert " 3/12 [00:00<" in said
    assert " 7/12 [" in said and not terminal.drawn


def test_a_bar_within_another_takes_its_place(at_a_terminal):
    read = at_a_terminal()
    with Progress(4, "training", "iter") as outer:
        outer.add()
        with Progress(2, "testing", "batch") as inner:
            inner.add()
        time.sleep(0.15)
        outer.add(3)
    lines = [part for part in re.split(r"[\r\n]+", re.sub(r"\x1b\[\w", "", read())) if part.strip()]
    kinds = [line.partition(":")[0] for line in lines]
    assert [kind for kind, before in zip(kinds, [None, *kinds]) if kind != before] == [
        "training",
        "testing",
        "training",
    ]


def test_lines_come_above_the_bar(capsys):
    said = Terminal()
    with Progress(10, "val", stream=said) as bar:
        bar.add(3)
        bar.print("a.png: a cat")
        assert said.getvalue().endswith("\r")
        bar.add(3)
        logging.get_absl_handler().filter(None)
        assert said.getvalue().endswith("\r")
    assert capsys.readouterr().out == "a.png: a cat\n"


def everything(terminal_file):
    """Returns what comes from a terminal until nothing has come for a while."""
    said = b""
    while select.select([terminal_file], [], [], 0.2)[0]:
        said += os.read(terminal_file, 65536)
    return said.decode()


@pytest.fixture
def at_a_terminal(monkeypatch):
    """Gives a function that makes stderr a terminal, and returns one that reads what was written to it."""
    ours, theirs = pty.openpty()
    with open(theirs, "w") as stream:

        def begin():
            monkeypatch.setattr(sys, "stderr", stream)  # within the test, for pytest sets it before
            return lambda: everything(ours)

        yield begin
    os.close(ours)


def test_a_phase_says_how_long_it_takes_and_goes_away(at_a_terminal):
    read = at_a_terminal()
    with waiting("Building the net"):
        with waiting("Loading TensorFlow"):
            time.sleep(1.3)
        terminal.warning("odd")
    said = read()
    assert re.split(r"\r\x1b\[K", said)[1:3] == ["Building the net ...", "Loading TensorFlow ..."]
    assert "Loading TensorFlow ... 1 s" in said
    assert said.endswith("\x1b[K") and "\x1b[KWARNING: odd" in re.sub(r"\x1b\[\d*m", "", said)
    assert not terminal.drawn


def test_a_phase_is_a_decorator_too_and_ends_with_an_error(at_a_terminal):
    read = at_a_terminal()

    @waiting("Building the net")
    def build():
        raise ValueError

    with pytest.raises(ValueError):
        build()
    assert read().endswith("\x1b[K") and not terminal.drawn
    deadline = time.monotonic() + 5
    while any(thread.name == "waiting" for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(thread.name == "waiting" for thread in threading.enumerate())


def test_a_forked_process_may_log_while_its_parent_waits(at_a_terminal):
    at_a_terminal()
    with waiting("Building the net"), progress._PHASES._lock:  # as if the thread were just drawing
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads
            warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)  # of JAX, where a test before loaded it
            child = os.fork()
        if not child:
            terminal.step_aside()
            with waiting("Counting"):
                os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3


def test_threads_may_wait_at_the_same_time(at_a_terminal):
    """As those do that each build a net."""
    read, interval = at_a_terminal(), sys.getswitchinterval()

    def wait():
        for _ in range(20):
            with waiting("x"):
                terminal.step_aside()

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(wait) for _ in range(8)]:
                done.result()
    finally:
        sys.setswitchinterval(interval)
    assert not terminal.drawn and not progress._PHASES._phases
    assert read().endswith("\x1b[K")


def test_what_a_signal_says_does_not_wait_for_the_phase_that_it_interrupts(at_a_terminal):
    at_a_terminal()
    with waiting("Building the net"), progress._PHASES._lock:  # as if the phase were just drawn
        terminal.warning("stopping")


def test_nothing_is_drawn_in_files(capsys):
    with waiting("Building the net"):
        assert not terminal.drawn
    assert capsys.readouterr().err == ""
