"""Everything a run needs to go on bit for bit, in `tf.train.Checkpoint`s of its run folder."""

import contextlib
import pathlib
import re
import shutil

import tensorflow as tf

from zoo.errors import CheckpointError

_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: where they lie; made if it is not there.
        state: {name: tf.Variable}, all that is saved and restored.
        keep: how many of the newest stay; None keeps all.

    Raises:
        CheckpointError: the folder cannot be made or written.
    """

    def __init__(self, folder, state, keep=5):
        self._folder, self._state = pathlib.Path(folder), dict(state)
        writable_folder(self._folder)
        self._sweep()
        _mend_list(self._folder)
        checkpoint = tf.train.Checkpoint(state=self._state)
        self._checkpoint = checkpoint
        self._manager = tf.train.CheckpointManager(checkpoint, str(self._folder), max_to_keep=keep)

    @property
    def latest(self):
        """Path of the newest whole checkpoint, or None."""
        return self._manager.latest_checkpoint

    def save(self, iteration):
        """Writes a checkpoint for `iteration`; an older one is never harmed by a failure.

        Returns:
            Its path.

        Raises:
            CheckpointError: it could not be written (disk full, folder gone or read-only).
        """
        try:
            return self._manager.save(checkpoint_number=iteration)
        except (OSError, tf.errors.OpError) as error:
            self._sweep()
            kept = f"the last whole one is {self.latest}" if self.latest else "there is no earlier one"
            raise CheckpointError(
                f"cannot write a checkpoint in {self._folder}", got=_first_line(error), hint=kept
            ) from error

    def restore(self, path=None):
        """Restores the newest checkpoint, or the one at `path`; returns its path, or None where there is none.

        Raises:
            CheckpointError: it is damaged, or of another net or solver.
        """
        path = path or self.latest
        if path is None:
            return None
        self._check_same(path)
        try:
            self._checkpoint.restore(path).assert_existing_objects_matched()
        except (OSError, AssertionError, ValueError, IndexError, tf.errors.OpError) as error:
            raise self._unreadable(path, error) from error
        return path

    def _unreadable(self, path, error):
        others = [other for other in self._manager.checkpoints if other != path]
        hint = f"to go on from the one before, remove {path}.* and run again" if others else None
        return CheckpointError(f"cannot read checkpoint {path}", got=_first_line(error), hint=hint)

    def _sweep(self):
        """Removes what writers that failed or were killed have left: it may be what fills the disk."""
        for path in self._folder.glob("ckpt-*_temp"):
            shutil.rmtree(path, ignore_errors=True)
        named = {str(path) for path in self._folder.glob("ckpt-*.index")}
        for path in self._folder.glob("ckpt-*.data-*"):  # the index comes last
            if f"{path.with_suffix('')}.index" not in named:
                path.unlink(missing_ok=True)

    def _check_same(self, path):
        try:
            stored = tf.train.load_checkpoint(path).get_variable_to_shape_map()
        except (OSError, RuntimeError, ValueError, IndexError, tf.errors.OpError) as error:
            raise self._unreadable(path, error) from error
        there = {
            _unescape(key[len("state/") : -len(_SUFFIX)]): tuple(shape)
            for key, shape in stored.items()
            if key.startswith("state/") and key.endswith(_SUFFIX)
        }
        here = {name: tuple(variable.shape) for name, variable in self._state.items()}
        differ = [
            f"{name} is {there.get(name, 'absent')} there, {here.get(name, 'absent')} here"
            for name in sorted(there.keys() | here.keys(), key=lambda name: (not name.startswith("parameters/"), name))
            if there.get(name) != here.get(name)
        ]
        if differ:
            more = f"; and {len(differ) - 3} more" if len(differ) > 3 else ""
            raise CheckpointError(
                f"checkpoint {path} is of another net or solver: {'; '.join(differ[:3])}{more}",
                hint="train it in a --run_dir of its own, or begin anew with --restart",
            )


def at(path):
    """Returns the prefix of the checkpoint that `path` names, by its prefix or one of its files; None if it is none."""
    prefix = re.sub(r"\.(index|data-\d+-of-\d+)$", "", str(path))
    return prefix if pathlib.Path(f"{prefix}.index").is_file() else None


def stored_seed(folder):
    """Returns the seed of the run whose newest checkpoint lies in `folder`, or None where there is none to read."""
    there = _whole(pathlib.Path(folder))
    try:
        return int(tf.train.load_checkpoint(there[-1]).get_tensor(f"state/seed{_SUFFIX}")) if there else None
    except (OSError, RuntimeError, ValueError, IndexError, tf.errors.OpError):
        return None  # what is wrong with it is said when it is restored


def _whole(folder):
    """Returns the prefixes of the checkpoints in `folder`, oldest first; the index file is written last."""
    found = (re.fullmatch(r"ckpt-(\d+)\.index", path.name) for path in folder.glob("ckpt-*.index"))
    return [str(folder / f"ckpt-{number}") for number in sorted(int(match[1]) for match in found if match)]


def _mend_list(folder):
    """Makes TensorFlow's list of checkpoints name those that are there.

    It is written after a checkpoint, so that a kill in between leaves a whole checkpoint unlisted; and whoever removes
    a damaged one by hand leaves a list that names it first.
    """
    there, listed = _whole(folder), tf.train.get_checkpoint_state(str(folder))
    if there and (listed is None or list(listed.all_model_checkpoint_paths) != there):
        names = [pathlib.Path(path).name for path in there]
        times = [pathlib.Path(f"{path}.index").stat().st_mtime for path in there]
        lines = [f'model_checkpoint_path: "{names[-1]}"']
        lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
        lines += [f"all_model_checkpoint_timestamps: {time}" for time in times]
        with contextlib.suppress(OSError):  # a folder that cannot be written is said elsewhere
            partial = folder / ".checkpoint.partial"
            partial.write_text("\n".join([*lines, "last_preserved_timestamp: 0.0", ""]))
            partial.replace(folder / "checkpoint")


def writable_folder(path):
    """Makes the folder `path` if it is not there and tries to write in it.

    Raises:
        CheckpointError: it cannot be made or written.
    """
    path = pathlib.Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".writable"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise CheckpointError(f"cannot write in {path}", got=error.strerror or str(error)) from error


def _unescape(key):
    return key.replace(".S", "/").replace("..", ".")


def _first_line(error):
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
