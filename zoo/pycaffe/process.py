"""The rest of what pycaffe has for the whole process: logging, versions, several solvers, a timer."""

import time

from absl import logging

from zoo.errors import UnsupportedError
from zoo.layers.base.registry import layer_types

__version__ = "1.0.0"  # of the Caffe whose interface this is


def layer_type_list():
    """Returns the names of all layer types."""
    return layer_types()


def init_log(level=0, to_stderr=True):
    """Shows messages of glog's `level` and above: 0 everything, 1 warnings, 2 errors, 3 fatal ones alone."""
    logging.set_verbosity({0: logging.INFO, 1: logging.WARNING, 2: logging.ERROR}.get(int(level), logging.FATAL))
    logging.set_stderrthreshold("info" if to_stderr else "fatal")


def log(message):
    """Writes a line to the log."""
    logging.info("%s", message)


def has_nccl():
    """Returns False: several GPUs are a matter of the trainer here."""
    return False


def solver_count():
    """Returns 1."""
    return 1


def solver_rank():
    """Returns 0."""
    return 0


def set_solver_count(count):
    """Takes 1; raises UnsupportedError for more."""
    if count != 1:
        raise UnsupportedError("one solver at a time", got=count, hint="python -m zoo.train trains on several GPUs")


def set_solver_rank(rank):
    """Takes 0; raises UnsupportedError for more."""
    if rank != 0:
        raise UnsupportedError("one solver at a time", got=f"rank {rank}")


def set_multiprocess(yes):
    """Takes False; raises UnsupportedError for True."""
    if yes:
        raise UnsupportedError("one process", hint="python -m zoo.train trains on several GPUs")


class Timer:
    """Measures milliseconds: `start`, `stop`, `ms`."""

    def __init__(self):
        self._begun, self._seconds = None, 0.0

    def start(self):
        """Begins."""
        self._begun = time.perf_counter()

    def stop(self):
        """Ends."""
        if self._begun is not None:
            self._seconds, self._begun = time.perf_counter() - self._begun, None

    @property
    def ms(self):
        """Milliseconds from start to stop, or until now where it runs."""
        return 1000 * (self._seconds if self._begun is None else time.perf_counter() - self._begun)
