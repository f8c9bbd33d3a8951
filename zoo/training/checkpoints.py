"""Everything a run needs to resume bit for bit, in `tf.train.Checkpoint`s of its run directory."""

import pathlib

import tensorflow as tf
from absl import logging

from zoo.errors import CheckpointError
from zoo.formats.glob_free import glob_free
from zoo.training import checkpoint_files as files

_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
_UNREADABLE = (OSError, RuntimeError, AssertionError, ValueError, IndexError, tf.errors.OpError)
_NOT_DAMAGE = (PermissionError, tf.errors.PermissionDeniedError, tf.errors.ResourceExhaustedError)


class DamagedError(CheckpointError):
    """A checkpoint whose files are not what was written."""


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: where they lie; made if it is not there.
        state: {name: tf.Variable}, all that is saved and restored.
        keep: how many of the newest stay; None keeps all.

    Raises:
        CheckpointError: the directory cannot be made or written.
    """

    def __init__(self, folder, state, keep: int | None = 5):
        self._folder, self._state, self._keep = pathlib.Path(folder), dict(state), keep
        writable_folder(self._folder)
        files.sweep(self._folder)
        files.write_list(self._folder, files.whole(self._folder))
        self._checkpoint = tf.train.Checkpoint(state=self._state)

    @property
    def latest(self):
        """Path of the newest whole checkpoint, or None."""
        return (files.whole(self._folder) or [None])[-1]

    def save(self, iteration):
        """Writes a checkpoint for `iteration`; an older one is never harmed by a failure.

        Returns:
            Its path.

        Raises:
            CheckpointError: it could not be written (disk full, directory gone or read-only).
        """
        path = str(self._folder / f"ckpt-{iteration}")
        try:
            with glob_free(self._folder) as folder:
                self._checkpoint.write(str(folder / f"ckpt-{iteration}"))
            files.keep_newest(self._folder, self._keep)
        except (OSError, tf.errors.OpError) as error:
            files.sweep(self._folder)
            kept = f"the last whole one is {self.latest}" if self.latest else "there is no earlier one"
            raise CheckpointError(
                f"cannot write a checkpoint in {self._folder}", got=_first_line(error), hint=kept
            ) from error
        return path

    def restore(self, path=None):
        """Restores the newest checkpoint, or the one at `path`; returns its path, or None where there is none.

        Of damaged ones that are newer than a sound one, a warning says that they are put aside; they are not deleted.

        Raises:
            CheckpointError: it is of another net or solver; or damaged, and so are all before it.
        """
        if path is not None:
            self._read(path)
            return path
        damaged = []
        for path in reversed(files.whole(self._folder)):
            try:
                self._read(path)
            except DamagedError as error:
                damaged.append((path, error))
                continue
            for other, error in damaged:
                self._put_aside(other, error, path)
            return path
        if damaged:
            raise damaged[0][1]
        return None

    def _put_aside(self, path, error, sound):
        try:
            aside = files.put_aside(path)
        except OSError as cause:
            raise CheckpointError(f"cannot move {path} aside", got=cause.strerror) from cause
        files.write_list(self._folder, files.whole(self._folder))
        logging.warning(
            "DAMAGED CHECKPOINT: %s. Its files are in %s now. Resuming from the one before, %s: what was trained after "
            "it is trained again.",
            f"{error.what}, got {error.got}",
            aside,
            sound,
        )

    def _read(self, path):
        """Restores the checkpoint at `path`; raises DamagedError or, where it is of something else, CheckpointError."""
        path = pathlib.Path(path)
        try:
            with glob_free(path.parent) as folder:
                self._check_same(path, str(folder / path.name))
                self._checkpoint.read(str(folder / path.name)).assert_existing_objects_matched()
        except _UNREADABLE as error:
            kind = CheckpointError if isinstance(error, _NOT_DAMAGE) else DamagedError
            hint = "resume from another one with --snapshot in another --run_dir, or start over with --restart"
            raise kind(f"cannot read checkpoint {path}", got=_first_line(error), hint=hint) from error

    def _check_same(self, path, readable):
        stored = tf.train.load_checkpoint(readable).get_variable_to_shape_map()
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
                hint="train it in a --run_dir of its own, or start over with --restart",
            )


def stored_seed(folder):
    """Returns the seed of the run whose checkpoints lie in `folder`, or None where there is none to read."""
    for path in reversed(files.whole(folder)):
        try:
            with glob_free(folder) as readable:
                reader = tf.train.load_checkpoint(str(readable / pathlib.Path(path).name))
                return int(reader.get_tensor(f"state/seed{_SUFFIX}"))
        except _UNREADABLE:
            continue  # what is wrong with it is said when it is restored
    return None


def writable_folder(path):
    """Makes the directory `path` if it is not there and tries to write in it.

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
