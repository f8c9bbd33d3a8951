"""How far a long command is: a bar on a terminal, else a line now and then, with the rate and the time left."""

import sys
import time

import tqdm

EVERY = 30  # seconds between two lines where there is no terminal


class Progress:
    """Counts records; use it in a ``with``.

    Args:
        total: how many there will be.
        name: of what.
        clock: gives seconds.
        stream: where to say it.
    """

    def __init__(self, total, name, clock=time.monotonic, stream=None):
        self._total, self._name, self._clock, self._stream = total, name, clock, stream or sys.stderr
        self._done, self._kept, self._start = 0, 0, clock()
        self._said = self._start
        self._bar = tqdm.tqdm(total=total, desc=name, unit="record", disable=None, file=self._stream)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._bar.close()

    def add(self, count, kept=False):
        """Counts `count` more; `kept` ones were there already, and do not count for the rate."""
        self._done += count
        if kept:
            self._kept += count
        now, terminal = self._clock(), not self._bar.disable
        if terminal and kept:
            self._bar.n += count
            self._bar.initial += count
            self._bar.refresh()
        elif terminal:
            self._bar.update(count)
        elif self._done < self._total and now - self._said >= EVERY:
            self._said = now
            print(self.line(now), file=self._stream, flush=True)

    def line(self, now):
        """Returns one line on how far it is at the time `now`."""
        rate = (self._done - self._kept) / max(now - self._start, 1e-9)
        left = f", {(self._total - self._done) / rate / 60:.0f} min left" if rate else ""
        return f"{self._name}: {self._done} of {self._total} records, {rate:.0f}/s{left}"
