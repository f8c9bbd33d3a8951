"""Everything a run needs to go on bit for bit, in `tf.train.Checkpoint`s of its run folder."""

import pathlib
import shutil

import tensorflow as tf

from zoo.errors import CheckpointError


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

    def restore(self):
        """Restores the newest checkpoint; returns its path, or None where there is none.

        Raises:
            CheckpointError: it is damaged, or of another net or solver.
        """
        if self.latest is None:
            return None
        self._check_same()
        try:
            self._checkpoint.restore(self.latest).assert_existing_objects_matched()
        except (OSError, AssertionError, ValueError, IndexError, tf.errors.OpError) as error:
            raise CheckpointError(f"cannot read checkpoint {self.latest}", got=_first_line(error)) from error
        return self.latest

    def _sweep(self):
        """Removes what writers that failed or were killed have left: it may be what fills the disk."""
        for path in self._folder.glob("ckpt-*_temp"):
            shutil.rmtree(path, ignore_errors=True)
        named = {str(path) for path in self._folder.glob("ckpt-*.index")}
        for path in self._folder.glob("ckpt-*.data-*"):  # the index comes last
            if f"{path.with_suffix('')}.index" not in named:
                path.unlink(missing_ok=True)

    def _check_same(self):
        try:
            stored = tf.train.load_checkpoint(self.latest).get_variable_to_shape_map()
        except (OSError, RuntimeError, ValueError, IndexError, tf.errors.OpError) as error:
            raise CheckpointError(f"cannot read checkpoint {self.latest}", got=_first_line(error)) from error
        suffix = "/.ATTRIBUTES/VARIABLE_VALUE"
        there = {
            _unescape(key[len("state/") : -len(suffix)]): tuple(shape)
            for key, shape in stored.items()
            if key.startswith("state/") and key.endswith(suffix)
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
                f"checkpoint {self.latest} is of another net or solver: {'; '.join(differ[:3])}{more}",
                hint="train it in a --run_dir of its own, or begin anew with --restart",
            )


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
