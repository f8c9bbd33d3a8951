"""One training run in its folder: begun, continued or restarted; logged; finished or stopped. No flags here."""

import contextlib
import itertools
import logging as python_logging
import pathlib
from typing import NamedTuple

from absl import logging

from zoo.errors import CheckpointError, SolverError
from zoo.training import checkpoints as ckpt
from zoo.training import snapshots
from zoo.training.loop import Loop
from zoo.training.progress import Progress
from zoo.training.session import Session
from zoo.training.signals import Signals
from zoo.training.summaries import Summaries


class Result(NamedTuple):
    """How a run ended.

    Attributes:
        session: the `Session`, standing at its last iteration.
        scores: {test output: value} of the last test.
        done: whether max_iter was reached.
        terminated: whether SIGTERM stopped it.
    """

    session: Session
    scores: dict
    done: bool
    terminated: bool


def run(
    solver,
    run_dir,
    *,
    data_dir=None,
    state=None,
    weights=(),
    snapshot=None,
    restart=False,
    keep=5,
    sigint="stop",
    sighup="snapshot",
    summaries=True,
    histograms=True,
):
    """Trains `solver` (a SolverDef) in the folder `run_dir` and returns a `Result`.

    Where it begins, in this order: the newest checkpoint in the folder; `snapshot`; the solver's and then the given
    `weights`; the fillers.

    Args:
        data_dir: where data sources are looked for first.
        state: NetState merged into the training net's.
        weights: weights files, copied by layer name.
        snapshot: a .solverstate of Caffe's to go on from.
        restart: move what is in the folder aside and begin anew.
        keep: how many checkpoints stay; None keeps all.
        sigint, sighup: what those signals ask for, as in `Signals`.
        summaries, histograms: what is written for TensorBoard.

    Raises:
        ZooError: what is wrong with the solver, its nets, data, weights or folder.
    """
    run_dir = pathlib.Path(run_dir)
    session = Session(solver, data_dir, state)
    if restart:
        _move_aside(run_dir)
    ckpt.writable_folder(run_dir)
    checkpoints = ckpt.Checkpoints(run_dir / "checkpoints", session.variables(), keep)
    with _log_file(run_dir / "train.log"), Signals(sigint, sighup) as signals:
        _start(session, checkpoints, weights, snapshot)
        curves = Summaries(run_dir, histograms) if summaries else None
        progress = Progress(solver.max_iter, session.iteration)
        loop = Loop(session, checkpoints, curves, signals, progress)
        try:
            done = loop.run()
        finally:
            progress.close()
            if curves is not None:
                curves.close()
    return Result(session, loop.scores, done, signals.terminated)


def _start(session, checkpoints, weights, snapshot):
    path = checkpoints.restore()
    if path is not None:
        if snapshot or weights:
            raise CheckpointError(
                "this run has begun already and goes on from its checkpoint",
                got=f"{path} and {'a snapshot' if snapshot else 'weights'} to start from",
                hint="begin anew with --restart, or in another --run_dir",
            )
        session.unpack()
        logging.info("Continuing from %s at iteration %d", path, session.iteration)
        return
    if snapshot and weights:
        raise SolverError("where to start", got="a snapshot and weights", want="one of them")
    if snapshot:
        logging.info("Restoring previous solver status from %s", snapshot)
        snapshots.restore(session, snapshot)
        return
    for name in (*session.solver.weights, *weights):
        logging.info("Weights of %s: %s", name, session.load_weights(name))


def _move_aside(run_dir):
    if not run_dir.exists():
        return
    free = (run_dir.with_name(f"{run_dir.name}.{number}") for number in itertools.count(1))
    aside = next(path for path in free if not path.exists())
    try:
        run_dir.rename(aside)
    except OSError as error:
        raise CheckpointError(f"cannot move {run_dir} aside", got=error.strerror) from error
    logging.info("The run that was in %s is now in %s", run_dir, aside)


@contextlib.contextmanager
def _log_file(path):
    """Copies the log, in absl's form, to the end of `path`."""
    try:
        handler = python_logging.FileHandler(path)
    except OSError as error:
        raise CheckpointError(f"cannot write log {path}", got=error.strerror) from error
    handler.setFormatter(logging.PythonFormatter())
    logger, verbosity = logging.get_absl_logger(), logging.get_verbosity()
    logger.addHandler(handler)
    logging.set_verbosity(max(verbosity, logging.INFO))  # a library's default would leave the file empty
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        logger.removeHandler(handler)
        handler.close()
