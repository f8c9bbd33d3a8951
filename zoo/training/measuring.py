"""One model trained and scored for configs/results.csv: begun by us, continued by us, with one commit's code."""

import hashlib
import pathlib
import platform
from dataclasses import replace

import keras
import tensorflow as tf
from absl import logging

from zoo.catalogue import checkout, machine, record
from zoo.catalogue.results_file import Measured
from zoo.converters.solver import SolverDef, solver_def
from zoo.errors import CheckpointError, SolverError
from zoo.formats import config_header
from zoo.netdef.config import open_config
from zoo.netdef.data_source import source_field
from zoo.training.run_options import RunOptions
from zoo.training.trainer import Result, move_aside, train

CODE = ("zoo", "requirements.txt")  # what a score depends on besides its config


def run_dir_of(root, name, said):
    """Returns the run directory of a config, and of what was changed of it, below `root`."""
    return pathlib.Path(root, f"{name}_{hashlib.sha256(said.encode()).hexdigest()[:8]}" if said else name)


def measure(path, run_dir, commit, said="", changes=(), options: RunOptions | None = None):
    """Trains and scores the config at `path`, a file of configs/ in a checkout.

    Args:
        run_dir: its run directory: new, or one that this function has begun.
        commit: the commit of the checkout.
        said: what is changed of the recipe, as it is to stand in the row.
        changes: the `Change`s of the config.
        options: the `RunOptions`. `restart` moves aside what is in the run directory.

    Returns:
        (`Measured`, the `Result`); None in the place of the row where the run was stopped.

    Raises:
        ZooError: a config that gives no score; a run directory of another run, or of other code; what `train` raises.
    """
    header, options = config_header.read(path), options or RunOptions()
    solver = solver_def(open_config(path).changed(changes).solver())
    _check(solver, path)
    run_dir = pathlib.Path(run_dir)
    if options.restart and run_dir.is_dir():
        move_aside(run_dir)
    options = replace(options, restart=False)
    begun = record.begin(run_dir, _noted(path, run_dir, commit, said))
    result = train(solver, run_dir, options)  # where it raises, `read` knows how much of the part counts
    noted = record.end(run_dir, begun, trained=result.began != result.session.state.iteration)
    if not result.done:
        return None, result
    return _row(path, header, solver, result, noted), result


def _check(solver: SolverDef, path):
    """Raises SolverError for what gives no score of the end, or another one each time."""
    if not solver.tests or not solver.test_iter[0]:
        raise SolverError("the config has no test, so there is no score", at=solver.train.at)
    if solver.max_iter < 1:
        raise SolverError("the solver does not say how long to train: max_iter", at=solver.train.at)
    if solver.random_seed is None:
        raise SolverError("random_seed is missing, so the run cannot be made again", at=solver.train.at)


def _noted(path, run_dir, commit, said):
    """Returns the `Record` to begin with: a new one, or that of the run so far."""
    versions = f"Python {platform.python_version()}, TensorFlow {tf.__version__}, Keras {keras.__version__}"
    here = record.Record(path.stem, said, commit, machine.hardware(_gpus()), versions)
    old = record.read(run_dir)
    if old is None:
        if (run_dir / "checkpoints").exists():
            hint = "--restart moves it aside; --runs names another place"
            raise CheckpointError(f"the run in {run_dir} was not begun to be measured", hint=hint)
        return here
    if not any((run_dir / "checkpoints").glob("*.index")):  # it ended before it trained anything
        return here
    if (old.config, old.changes) != (path.stem, said):
        got, want = f"{old.config} {old.changes}".strip(), f"{path.stem} {said}".strip()
        raise CheckpointError(f"{run_dir} holds another run", got=got, want=want)
    root = path.parents[1]
    if changed := checkout.changed_between(root, old.commit, commit, [*CODE, path.relative_to(root).as_posix()]):
        got = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
        hint = f"--restart starts over; or check out {old.commit[:12]} and run it there"
        raise CheckpointError(f"files have changed since the run in {run_dir} was begun", got=got, hint=hint)
    if old.seconds:
        logging.info("%s has trained for %.0f s so far", run_dir, old.seconds)
    return replace(old, hardware=_both(old.hardware, here.hardware), versions=_both(old.versions, here.versions))


def _both(old, new):
    return old if new in old.split("; then ") else f"{old}; then {new}"


def _gpus():
    """Returns the names of the GPUs that TensorFlow trains on: the first that it sees."""
    seen = tf.config.get_visible_devices("GPU")[:1]
    return [tf.config.experimental.get_device_details(gpu).get("device_name", "an unknown GPU") for gpu in seen]


def _sources(path):
    """Returns what the training net reads, as the config names it, where the data have no title."""
    layers = [layer.message for layer in open_config(path).definition("TRAIN").layers if not layer.bottoms]
    fields = [(layer, source_field(layer)) for layer in layers]
    return [getattr(layer, field).source for layer, field in fields if field]


def _row(path, header, solver, result: Result, noted):
    """Returns the `Measured` of a finished run."""
    score = result.scores.get(header.score)
    if score is None or score.iteration != solver.max_iter:
        got = "none" if score is None else f"one of iteration {score.iteration}"
        what = f'no score "{header.score}" of the end, which the header of {path.name} names'
        raise CheckpointError(what, got=got, want=f"one of iteration {solver.max_iter}")
    return Measured(
        config=path.stem,
        changes=noted.changes,
        data="; ".join(result.session.data.titles() or _sources(path)),
        commit=noted.commit,
        hardware=noted.hardware,
        versions=noted.versions,
        seed=str(solver.random_seed),
        iterations=str(solver.max_iter),
        seconds=f"{noted.seconds:.0f}",
        output=header.score,
        score=f"{score.value:.6g}",
        published="" if noted.changes else header.published,
        published_in="" if noted.changes else header.published_in,
    )
