"""What zoo.results notes in a run directory, `result.json`: what it began, on what, and how long it has taken."""

import json
import pathlib
import time
from dataclasses import asdict, dataclass, replace

from zoo.errors import CheckpointError
from zoo.formats import atomic

NAME = "result.json"


@dataclass(frozen=True)
class Record:
    """A run that is measured.

    Attributes:
        config: name of the config.
        changes: as in `Measured`.
        commit: that it was begun with.
        hardware: what it has run on so far.
        versions: it has run with so far.
        seconds: that it has taken in all parts that have ended.
        since: when the part that runs now began, in seconds since 1970; None where none runs.
    """

    config: str
    changes: str
    commit: str
    hardware: str
    versions: str
    seconds: float = 0.0
    since: float | None = None


def read(run_dir) -> Record | None:
    """Returns the `Record` of a run directory, None where there is none.

    A part that did not end, as it failed or its process was killed, counts up to the newest file of its checkpoints:
    what came after is trained again.

    Raises:
        CheckpointError: the file is damaged.
    """
    path = pathlib.Path(run_dir, NAME)
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged", got=error, hint="--restart starts over") from None
    if record.since is None:
        return record
    times = [file.stat().st_mtime for file in pathlib.Path(run_dir, "checkpoints").glob("*")]
    return replace(record, seconds=record.seconds + max(0.0, max(times, default=0.0) - record.since), since=None)


def begin(run_dir, record: Record) -> Record:
    """Notes that a part of the run begins now; returns the record as it is noted."""
    record = replace(record, since=time.time())
    _write(run_dir, record)
    return record


def end(run_dir, record: Record, trained=True) -> Record:
    """Notes that the part that `begin` has noted ends now; it counts where it `trained`. Returns it as noted."""
    seconds = time.time() - record.since if trained and record.since is not None else 0.0
    record = replace(record, seconds=record.seconds + seconds, since=None)
    _write(run_dir, record)
    return record


def _write(run_dir, record):
    path = pathlib.Path(run_dir)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"cannot make the run directory {path}", got=error.strerror) from error
    with atomic.replacing(path / NAME, CheckpointError) as file:
        file.write((json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n").encode())
