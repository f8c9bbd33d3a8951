"""What a signal asks of a running solver, polled between calls into the graph (util/signal_handler.cpp)."""

import signal
import threading

STOP, SNAPSHOT, NONE = "stop", "snapshot", "none"
EFFECTS = (STOP, SNAPSHOT, NONE)


class Signals:
    """Context in which SIGINT and SIGHUP are requests to the solver; the old handlers come back after it.

    Args:
        sigint, sighup: one of "stop" (snapshot and stop), "snapshot" (and go on) and "none" (ignored).

    SIGTERM always asks for a stop: whoever sends it wants the process gone and the work kept.
    """

    def __init__(self, sigint=STOP, sighup=SNAPSHOT):
        self._effects = {signal.SIGINT: sigint, signal.SIGHUP: sighup, signal.SIGTERM: STOP}
        self._pending, self._old = [], {}
        self.terminated = False

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():  # Python delivers signals to it alone
            self._old = {number: signal.signal(number, self._note) for number in self._effects}
        return self

    def __exit__(self, *exc):
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _note(self, number, frame):
        self.terminated |= number == signal.SIGTERM
        if self._effects[number] != NONE:
            self._pending.append(self._effects[number])

    def poll(self):
        """Returns what has been asked for since the last call: "stop" before "snapshot", or None."""
        asked, self._pending = self._pending, []
        return STOP if STOP in asked else SNAPSHOT if asked else None
