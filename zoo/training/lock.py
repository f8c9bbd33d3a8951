"""One trainer to a run folder: a lock that the system releases when its holder ends, however it ends."""

import contextlib
import errno
import fcntl
import os
import pathlib
import socket

from absl import logging

from zoo.errors import CheckpointError

NAME = ".lock"


@contextlib.contextmanager
def locked(folder):
    """Holds the lock of `folder`, which has to exist, while the block runs.

    Raises:
        CheckpointError: another process holds it; the error says which, on which machine.
    """
    path = pathlib.Path(folder, NAME)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, "a+"))
            _take(file, folder)
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
        except OSError as error:
            raise CheckpointError(f"cannot write {path}", got=error.strerror) from error
        yield


def _take(file, folder):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            logging.warning("%s cannot be locked (%s): see that no other trainer uses it", folder, error.strerror)
            return
        file.seek(0)
        raise CheckpointError(
            f"another trainer is at work in {folder}",
            got=file.read().strip() or "a process that has not said its name yet",
            hint="wait for it, stop it, or give this one a --run_dir of its own",
        ) from None
