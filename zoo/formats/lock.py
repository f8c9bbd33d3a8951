"""One writer to a directory: a lock that the system releases when its holder ends, however it ends."""

import contextlib
import errno
import fcntl
import os
import pathlib
import socket

from absl import logging

NAME = ".lock"


@contextlib.contextmanager
def locked(path, error, what, hint):
    """Holds the lock file at `path`, whose directory has to exist, while the block runs, and removes it then.

    What a killed holder leaves of it is no lock.

    Args:
        path: of the file.
        error: the ZooError class that is raised.
        what: who else may hold it, such as "another trainer is running in runs/lenet".
        hint: what to do about that.

    Raises:
        error: another process holds it (which one, on which machine, is said), or it cannot be written.
    """
    path = pathlib.Path(path)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(_taken(path, error, what, hint))
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
        except OSError as cause:
            raise error(f"cannot write {path}", got=cause.strerror) from cause
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                if _is_at(file, path):  # not so where the directory was moved aside meanwhile
                    path.unlink()


def _taken(path, error, what, hint):
    while True:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(open(path, "a+"))
            _take(file, error, what, hint)
            if _is_at(file, path):  # else its holder ended, and removed it, between the two lines above
                stack.pop_all()
                return file


def _take(file, error, what, hint):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as cause:
        if cause.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            logging.warning("%s cannot be locked (%s): see that nobody else writes there", file.name, cause.strerror)
            return
        file.seek(0)
        raise error(what, got=file.read().strip() or "a process that has not said its name yet", hint=hint) from None


def _is_at(file, path):
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
