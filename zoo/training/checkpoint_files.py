"""The files of a run directory's checkpoints, `ckpt-N.index` and `ckpt-N.data-*`: which are there, kept, or put aside.

What is there is what counts. TensorFlow's list of checkpoints is written for other programs and never read: a kill may
come between a checkpoint and the list, and a full disk may leave it empty.
"""

import contextlib
import itertools
import pathlib
import re
import shutil

from zoo.errors import WeightsError
from zoo.formats import weightsfile


def whole(folder):
    """Returns the prefixes of the checkpoints in `folder`, oldest first; the index file is written last."""
    folder = pathlib.Path(folder)
    found = (re.fullmatch(r"ckpt-(\d+)\.index", path.name) for path in folder.glob("ckpt-*.index"))
    return [str(folder / f"ckpt-{number}") for number in sorted(int(match[1]) for match in found if match)]


def at(path):
    """Returns the prefix of the checkpoint that `path` names, by its prefix or one of its files; None if it is none."""
    prefix = re.sub(r"\.(index|data-\d+-of-\d+)$", "", str(path))
    return prefix if pathlib.Path(f"{prefix}.index").is_file() else None


def check_snapshot(path):
    """Raises WeightsError unless a checkpoint, or a file such as a .solverstate, lies at `path`."""
    if at(path) is None:
        weightsfile.check(path, WeightsError)


def keep_newest(folder, count):
    """Removes all but the newest `count` checkpoints (None keeps all), and lists those that stay."""
    there = whole(folder)
    old = there[: -count or None] if count else []
    write_list(folder, there[len(old) :])
    for prefix in old:
        for path in _files(prefix):
            path.unlink(missing_ok=True)


def put_aside(prefix):
    """Moves the files of a damaged checkpoint into a directory next to it, `ckpt-N.damaged`; returns the directory.

    Raises:
        OSError: they cannot be moved.
    """
    names = itertools.chain([f"{prefix}.damaged"], (f"{prefix}.damaged.{number}" for number in itertools.count(1)))
    aside = next(path for path in map(pathlib.Path, names) if not path.exists())
    aside.mkdir()
    for path in sorted(_files(prefix), key=lambda path: path.suffix != ".index"):  # without an index it is none
        path.rename(aside / path.name)
    return aside


def sweep(folder):
    """Removes what writers that failed or were killed have left: it may be what fills the disk."""
    folder = pathlib.Path(folder)
    for path in folder.glob("ckpt-*_temp"):
        shutil.rmtree(path, ignore_errors=True)
    named = {str(path) for path in folder.glob("ckpt-*.index")}
    for path in folder.glob("ckpt-*.data-*"):  # the index comes last
        if f"{path.with_suffix('')}.index" not in named:
            path.unlink(missing_ok=True)


def write_list(folder, prefixes):
    """Writes TensorFlow's list of checkpoints, for `tf.train.latest_checkpoint` and the like; errors are passed over.

    Args:
        folder: where the list and the checkpoints are.
        prefixes: of the checkpoints to name, oldest first.
    """
    if not prefixes:
        return
    names = [pathlib.Path(prefix).name for prefix in prefixes]
    with contextlib.suppress(OSError):  # a directory that cannot be written is said elsewhere
        times = [pathlib.Path(f"{prefix}.index").stat().st_mtime for prefix in prefixes]
        lines = [f'model_checkpoint_path: "{names[-1]}"']
        lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
        lines += [f"all_model_checkpoint_timestamps: {time}" for time in times]
        partial = pathlib.Path(folder, ".checkpoint.partial")
        partial.write_text("\n".join([*lines, "last_preserved_timestamp: 0.0", ""]))
        partial.replace(pathlib.Path(folder, "checkpoint"))


def _files(prefix):
    path = pathlib.Path(prefix)
    return [found for kind in ("index", "data-*") for found in path.parent.glob(f"{path.name}.{kind}")]
