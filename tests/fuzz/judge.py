"""Reads one input and says what was wrong with how that went."""

import contextlib
import os
import pathlib
import resource
import signal
import time
import traceback
from typing import NamedTuple

from zoo.errors import ZooError

CPU_SECONDS = 5  # of one input of some kilobytes
MEMORY = 1 << 30  # bytes by which one input may raise the most memory that the process has held: max_unpacked_bytes
MESSAGE = 20_000  # characters


class Finding(NamedTuple):
    """What is wrong: the same `key` for the same fault, and the last of what was said."""

    key: str
    said: str


class TooSlow(BaseException):
    """The CPU time of an input is used up; no `except Exception` of a library keeps it."""


def judge(read, path):
    """Calls `read(path)`; returns a `Finding`, or None where it succeeded or raised a ZooError."""
    before, began = _most(), time.process_time()
    try:
        with _limited():
            read(path)
    except ZooError as error:
        if len(str(error)) > MESSAGE:
            return Finding(f"{len(str(error)) // MESSAGE * MESSAGE}+ characters of message", str(error)[:200])
    except KeyboardInterrupt:
        raise
    except TooSlow as error:
        return Finding(f"slow in {_where(error)}", f"over {CPU_SECONDS} s of CPU")
    except BaseException as error:
        return Finding(f"{type(error).__name__} in {_where(error)}", _last(error))
    if time.process_time() - began > CPU_SECONDS:
        return Finding("slow", f"{time.process_time() - began:.1f} s of CPU")
    if _most() - before > MEMORY:
        return Finding("memory", f"{(_most() - before) >> 20} MiB more")
    return None


@contextlib.contextmanager
def _limited():
    def stop(number, frame):
        raise TooSlow

    was = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, was)


def _most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _where(error):
    """Returns the deepest place of ours that an error came through."""
    root = str(pathlib.Path(__file__).resolve().parents[2]) + os.sep
    ours = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(root)]
    ours = [f for f in ours if f"{os.sep}tests{os.sep}" not in f.filename and "site-packages" not in f.filename] or ours
    return f"{ours[-1].filename.removeprefix(root)}:{ours[-1].name}" if ours else "?"


def _last(error):
    return f"{type(error).__name__}: {error}"[:300]
