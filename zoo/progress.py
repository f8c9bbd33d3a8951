"""How far a command is: a bar with rate and time left, or how long a phase already takes. On a terminal alone.

    with Progress(len(paths), "images", unit="image") as progress:
        for path in progress.over(paths): ...

    with waiting("Building the net"): ...

What is drawn goes away when it is done; log lines, warnings and errors come above it. A bar has no thread. `waiting`
has one while it lasts, which writes to the terminal's file descriptor and touches nothing else; a forked process
forgets both.
"""

import contextlib
import os
import sys
import threading
import time

from absl import logging

from zoo import terminal

MOST_OFTEN = 0.1  # seconds between two drawings of a bar
EVERY = 30  # seconds between two lines where there is no terminal, for those who ask for them
_CLEAR = b"\r\x1b[K"


class Progress:
    """Counts up to `total`; use it in a ``with``, or close it.

    Args:
        total: how many there will be; None: nobody knows.
        name: of what, before the bar.
        unit: what one is called.
        start: how many are there already.
        lines: whether to say a line every 30 seconds where there is no terminal.
        clock: gives seconds.
        stream: where to say it; stderr.
    """

    def __init__(self, total, name=None, unit="item", start=0, lines=False, clock=time.monotonic, stream=None):
        self._total, self._name, self._unit, self._lines = total, name, unit, lines
        self._clock, self._stream = clock, stream or sys.stderr
        self._done, self._kept, self._begun = start, start, clock()
        self._said, self._bar, self._first = self._begun, None, None
        self._live = terminal.live(self._stream)
        if self._live and self._stream is sys.stderr:
            which = "" if total is None else f" of {total - start} {_several(unit)}"
            self._first = _PHASES.begin(f"{f'{name}: ' if name else ''}the first{which or f' {unit}'}", self._stream)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def to(self, count, said=""):
        """Has counted `count` in all; `said` stands after the bar."""
        if self._bar is not None and said:
            self._bar.set_postfix_str(said, refresh=False)
        self.add(count - self._done)

    def add(self, count=1, kept=False):
        """Counts `count` more; `kept` ones were there already, and do not count for the rate."""
        self._done += count
        self._kept += count if kept else 0
        if self._live and self._bar is None:
            self._draw()
        elif self._live and kept:
            self._bar.n += count
            self._bar.initial += count
            self._bar.refresh()
        elif self._live:
            self._bar.update(count)
        elif self._lines and self._done < self._total and self._clock() - self._said >= EVERY:
            self._said = self._clock()
            print(self.line(self._said), file=self._stream, flush=True)

    def _draw(self):
        """Draws the bar when the first is there, whose time says little of how long the others take."""
        self._end_first()
        terminal.step_aside()  # another bar keeps silent until this one is gone
        where = {"file": self._stream, **_size(self._stream), "position": 0, "leave": False}
        shape = {"desc": self._name, "unit": f" {self._unit}", "mininterval": MOST_OFTEN, **where}
        self._bar = _bar_class()(total=self._total, initial=self._done, **shape)
        _show(self._bar.clear)

    def _end_first(self):
        if self._first is not None:
            _PHASES.end(self._first)
            self._first = None

    def over(self, things):
        """Yields `things`, and counts each when it has been dealt with."""
        for thing in things:
            yield thing
            self.add()

    def print(self, text):
        """Prints `text` on stdout, above the bar."""
        terminal.step_aside()
        print(text, flush=True)

    def line(self, now):
        """Returns one line on how far it is at the time `now`."""
        rate = (self._done - self._kept) / max(now - self._begun, 1e-9)
        left = f", {(self._total - self._done) / rate / 60:.0f} min left" if rate else ""
        name = f"{self._name}: " if self._name else ""
        return f"{name}{self._done} of {self._total} {_several(self._unit)}, {rate:.0f}/s{left}"

    def close(self):
        """Takes the bar away."""
        self._end_first()
        self._live = False
        if self._bar is not None:
            _hide(self._bar.clear)
            self._bar.close()
            self._bar = None


def _size(stream):
    """Returns how tqdm is told the size of a terminal, which some say is 0."""
    try:
        known = os.get_terminal_size(stream.fileno()).columns > 0
    except OSError:
        known = False
    return {"dynamic_ncols": True} if known else {"ncols": 80, "nrows": 24}


def _several(unit):
    return f"{unit}{'es' if unit.endswith(('s', 'x', 'ch', 'sh')) else 's'}"


def _bar_class():
    """Returns tqdm's bar without the thread that watches all bars, and without a lock that processes share."""
    import tqdm

    class Bar(tqdm.tqdm):
        monitor_interval = 0

    Bar.set_lock(threading.RLock())
    return Bar


def _show(take_away):
    """Has what is drawn now taken away by `take_away` before other lines; it is drawn again when it changes."""
    if not terminal.drawn:
        logging.get_absl_handler().addFilter(_above)
    terminal.drawn.append(take_away)


def _hide(take_away):
    terminal.drawn.remove(take_away)
    if not terminal.drawn:
        logging.get_absl_handler().removeFilter(_above)


def _above(_):
    terminal.step_aside()
    return True


class _Phases:
    """What is waited for, the innermost last; a thread says the last of them each second while there is one.

    Any thread may begin one, and end it. The lock is reentrant for what a signal's handler says meanwhile.
    """

    def __init__(self):
        self._lock, self._phases, self._file, self._over = threading.RLock(), [], None, None

    def begin(self, text, stream):
        """Begins a phase; returns it, for `end`."""
        stream.flush()
        phase = [text, time.monotonic()]
        with self._lock:
            if not self._phases:
                self._file, self._over = os.dup(stream.fileno()), threading.Event()
                threading.Thread(target=self._tick, args=(self._over,), name="waiting", daemon=True).start()
                terminal.step_aside()
                _show(self.take_away)
            self._phases.append(phase)
        self._draw()
        return phase

    def end(self, phase):
        with self._lock:
            self.take_away()
            self._phases.remove(phase)
            if not self._phases:
                _hide(self.take_away)
                self._over.set()
                os.close(self._file)

    def take_away(self):
        with self._lock:
            if self._phases:  # another thread may have ended the last
                os.write(self._file, _CLEAR)

    def _tick(self, over):
        while not over.wait(1):
            self._draw()

    def _draw(self):
        with self._lock:
            if self._phases and terminal.drawn[-1:] == [self.take_away]:  # else a bar is there
                text, begun = self._phases[-1]
                seconds = round(time.monotonic() - begun)
                os.write(self._file, _CLEAR + f"{text} ...{f' {seconds} s' if seconds else ''}".encode())


_PHASES = _Phases()


def _forget():
    """In a process that was forked: the terminal's last line is the parent's, and so is whoever holds a lock."""
    terminal.drawn.clear()
    _PHASES.__init__()


os.register_at_fork(after_in_child=_forget)


@contextlib.contextmanager
def waiting(text):
    """Says `text`, a phase that cannot be counted such as "Building the net", and how long it takes, while it lasts."""
    if not terminal.live(sys.stderr):
        yield
        return
    phase = _PHASES.begin(text, sys.stderr)
    try:
        yield
    finally:
        _PHASES.end(phase)
