"""Progress on a terminal and without one."""

import io

from data_prep.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_come_now_and_then_with_rate_and_time_left():
    now, said = [100.0], io.StringIO()
    with Progress(5000, "train", lambda: now[0], said) as progress:
        progress.add(1000, kept=True)
        for seconds in (10, 25, 40, 50):
            now[0] = 100.0 + seconds
            progress.add(250)
        now[0] = 300.0
        progress.add(3000)
    # At 40 s: 750 made, not the 1000 that were there: 18.75/s, and 3250 left.
    assert said.getvalue() == "train: 1750 of 5000 records, 19/s, 3 min left\n"


def test_nothing_done_has_no_rate():
    progress = Progress(10, "val", lambda: 0.0, io.StringIO())
    assert progress.line(5.0) == "val: 0 of 10 records, 0/s"


def test_a_bar_on_a_terminal():
    said = Terminal()
    with Progress(10, "val", stream=said) as progress:
        progress.add(4, kept=True)
        progress.add(6)
    assert "10/10" in said.getvalue() and "val: 100%" in said.getvalue()
