"""A bar on a terminal; nothing where the output is a file or a pipe, which the log lines serve."""

import sys

from absl import logging


class Progress:
    """Shows how far a solver is, with rate and time left, below the log lines.

    Args:
        total: iterations to reach (max_iter).
        start: iteration to begin at.
    """

    def __init__(self, total, start=0):
        self._bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total, initial=start, unit="iter", dynamic_ncols=True, leave=False)
            logging.get_absl_handler().addFilter(self._make_room)

    def _make_room(self, record):
        self._bar.clear()
        return True

    def to(self, iteration, loss=None, epoch=None):
        """Moves to `iteration`; `epoch` is how many passes over the data that is, where it is known."""
        if self._bar is not None:
            said = [] if loss is None else [f"loss {loss:.4g}"]
            said += [] if epoch is None else [f"epoch {epoch:.2f}"]
            if said:
                self._bar.set_postfix_str(", ".join(said), refresh=False)
            self._bar.update(iteration - self._bar.n)
            self._bar.refresh()

    def close(self):
        """Takes the bar away."""
        if self._bar is not None:
            logging.get_absl_handler().removeFilter(self._make_room)
            self._bar.close()
            self._bar = None
