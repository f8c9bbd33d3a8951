"""What a signal asks of a running solver, polled between calls into the graph (util/signal_handler.cpp)."""

import signal
import sys
import threading

STOP, SNAPSHOT, NONE = "stop", "snapshot", "none"
EFFECTS = (STOP, SNAPSHOT, NONE)


class Signals:
    """Context in which, after `listen`, SIGINT and SIGHUP are requests to the solver. It brings the old handlers back.

    Before `listen`, while nets are built, a SIGINT is noted, so that the solver stops at its first poll, and a second
    one interrupts: TensorFlow swallows exceptions that are raised in Python code that it calls back.

    Args:
        sigint, sighup: one of "stop" (snapshot and stop), "snapshot" (and train on) and "none" (ignored).

    SIGTERM always asks for a stop: whoever sends it wants the process gone and the work kept.
    """

    def __init__(self, sigint=STOP, sighup=SNAPSHOT):
        self._effects = {signal.SIGINT: sigint, signal.SIGHUP: sighup, signal.SIGTERM: STOP}
        self._pending, self._old = [], {}
        self.terminated = False

    def __enter__(self):
        if _in_main_thread() and self._effects[signal.SIGINT] == STOP:
            self._old[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def listen(self):
        """From now on signals are requests, which `poll` gives."""
        if _in_main_thread():
            for number in self._effects:
                old = signal.signal(number, self._note)
                self._old.setdefault(number, old)

    def __exit__(self, *exc):
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _interrupt(self, number, frame):
        if self._pending:
            raise KeyboardInterrupt
        self._pending.append(STOP)
        print("interrupted: stopping once the nets are built; Ctrl-C again stops at once", file=sys.stderr)

    def _note(self, number, frame):
        self.terminated |= number == signal.SIGTERM
        if self._effects[number] != NONE:
            self._pending.append(self._effects[number])

    def poll(self):
        """Returns what has been asked for since the last call: "stop" before "snapshot", or None."""
        asked, self._pending = self._pending, []
        return STOP if STOP in asked else SNAPSHOT if asked else None


def _in_main_thread():
    return threading.current_thread() is threading.main_thread()  # Python delivers signals to it alone
