"""How often something is done that must not take more than a share of the time."""

import contextlib
import time

SHARE = 0.01


class Budget:
    """Says when something is due again, by what it took last: after so long that it is at most `share` of the time.

    It is due the first time and the time after, as the first also takes what is done once.
    """

    def __init__(self, share=SHARE, clock=time.monotonic):
        self._share, self._clock, self._done, self._next = share, clock, 0, 0.0

    @property
    def due(self):
        """Whether it is to be done now."""
        return self._done < 2 or self._clock() >= self._next

    @contextlib.contextmanager
    def spent(self):
        """Around doing it."""
        began = self._clock()
        yield
        ended = self._clock()
        self._done, self._next = self._done + 1, ended + (ended - began) / self._share
