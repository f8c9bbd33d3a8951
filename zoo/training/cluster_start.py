"""A timeout on the start of a cluster: a process that waits too long for the others ends and says who is missing.

While TensorFlow waits it holds Python's lock, so that no thread of this process can do or say anything. A thread of C
ends the process (faulthandler), and a small second process, this file run as a script, says why.
"""

import concurrent.futures
import contextlib
import faulthandler
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

_GRACE = 4  # seconds from the end of the wait to that of the process, in which the reason is said
_PROBE = 1.5  # seconds in which a process that is there answers
_JOINED = b"joined"


@contextlib.contextmanager
def start_timeout(seconds, others, absent, silent):
    """Ends the process with exit code 1 where its body takes longer than `seconds`.

    Args:
        seconds: how long to wait.
        others: (name, "host:port") of each process that is waited for.
        absent: what to say on stderr where some of them do not answer, with {names} in it.
        silent: what to say where all answer and yet do not join.
    """
    told = json.dumps([time.time() + seconds, others, absent, silent])
    speaker = subprocess.Popen([sys.executable, "-I", "-S", __file__, told], stdin=subprocess.PIPE)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        faulthandler.dump_traceback_later(seconds + _GRACE, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            with contextlib.suppress(OSError):  # it may have spoken already
                speaker.communicate(_JOINED)


def _speak(deadline, others, absent, silent):
    """Waits for a word of the other process, or its end, until `deadline`; then says who is missing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    heard, _, _ = select.select([sys.stdin], [], [], max(0.0, deadline - time.time()))
    if heard and (sys.stdin.buffer.read() == _JOINED or time.time() < deadline):
        return
    with concurrent.futures.ThreadPoolExecutor(len(others)) as pool:
        there = list(pool.map(lambda other: _answers(other[1]), others))
    missing = [f"{name} ({address})" for (name, address), answers in zip(others, there) if not answers]
    print(absent.replace("{names}", ", ".join(missing)) if missing else silent, file=sys.stderr, flush=True)


def _answers(address):
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PROBE).close()
    except (OSError, ValueError):
        return False
    return True


if __name__ == "__main__":
    _speak(*json.loads(sys.argv[1]))
