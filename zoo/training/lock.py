"""One trainer to a run directory."""

import pathlib

from zoo.errors import CheckpointError
from zoo.formats import lock

NAME = lock.NAME


def locked(folder):
    """Returns a context that holds the lock of `folder`, which has to exist.

    Raises:
        CheckpointError: another process holds it; the error says which, on which machine.
    """
    hint = "wait for it, stop it, or give this one a --run_dir of its own"
    what = f"another trainer is running in {folder}"
    return lock.locked(pathlib.Path(folder, NAME), CheckpointError, what, hint)
