"""One training run in its directory: started, resumed or started over; logged; finished or stopped. No flags here."""

import contextlib
import dataclasses
import functools
import itertools
import logging as python_logging
import pathlib
import sys
import tempfile
from typing import NamedTuple

import numpy as np
from absl import logging
from absl.logging import converter

from zoo.errors import CheckpointError
from zoo.formats import run_card, shard_check
from zoo.formats.layer_keys import said
from zoo.layers.ops import output_paths
from zoo.netdef.config import net_state
from zoo.progress import Progress
from zoo.training import checkpoint_files, recipe, snapshots, start_log
from zoo.training import checkpoints as ckpt
from zoo.training.board.summaries import Summaries
from zoo.training.epoch_lines import EpochLines
from zoo.training.fingerprint import of_process
from zoo.training.lock import NAME as LOCK
from zoo.training.lock import locked
from zoo.training.loop import Loop
from zoo.training.precision import policy
from zoo.training.profiling.profiler import Profiler
from zoo.training.replicas import ONE
from zoo.training.run_options import RunOptions
from zoo.training.session import Session
from zoo.training.signals import Signals


class Result(NamedTuple):
    """How a run ended.

    Attributes:
        session: the `Session`, standing at its last iteration.
        scores: {test output: `Score`} of each test net's last test.
        done: whether max_iter was reached.
        terminated: whether SIGTERM stopped it.
        began: the iteration that it stood at before it trained.
        weights: path of the .caffemodel of its last iteration, or None where none was written.
    """

    session: Session
    scores: dict
    done: bool
    terminated: bool
    began: int
    weights: str | None


def train(solver, run_dir, options=None, replicas=ONE):
    """Trains a solver in a run directory.

    Where it begins, in this order: the newest checkpoint in the directory; the snapshot of the options; the solver's
    and then the options' weights; the fillers.

    Args:
        solver: a `SolverDef`.
        run_dir: the run directory; made where it does not exist.
        options: the `RunOptions`; None means their defaults.
        replicas: the `Replicas` that train. Of several processes each calls this with the same arguments; the chief
            reads and writes the run directory, the others nothing.

    Returns:
        The `Result`.

    Raises:
        ZooError: what is wrong with the solver, its nets, data, weights or directory.

    Example:
        >>> from zoo.converters.solver import solver_def
        >>> from zoo.formats.prototxt import parse_solver
        >>> solver = parse_solver('''base_lr: 0.1 lr_policy: "fixed" max_iter: 3 random_seed: 1 net_param {
        ...     layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param {
        ...         shape { dim: 4 dim: 3 } shape { dim: 4 dim: 1 } data_filler { type: "constant" value: 1 } } }
        ...     layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 1 } }
        ...     layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" } }''')
        >>> result = train(solver_def(solver), "runs/tiny", RunOptions(summaries=False))
        >>> result.done, result.session.state.iteration
        (True, 3)
    """
    options = options or RunOptions()
    run_dir = pathlib.Path(run_dir)
    with contextlib.ExitStack() as stack:
        signals = stack.enter_context(Signals(options.on_sigint, options.on_sighup))
        stack.enter_context(policy(options.precision))
        stack.enter_context(replicas.together())
        if not replicas.chief:
            run_dir = pathlib.Path(stack.enter_context(_silence()))
        alike = _in_common(solver, options, replicas)
        if not replicas.chief:
            options = dataclasses.replace(options, weights=(), snapshot=None, restart=False, summaries=False)
        begun = not options.restart and bool(checkpoint_files.whole(run_dir / "checkpoints"))
        if replicas.chief:  # a slip is said before the nets are built
            recipe.weights_there(solver, options.weights, begun)
            if options.snapshot:
                checkpoint_files.check_snapshot(options.snapshot)
        seed = ckpt.stored_seed(run_dir / "checkpoints") if begun else None
        state = net_state(options.level, options.stages)
        shards = stack.enter_context(shard_check.check_if(options.verify_shards))
        if not options.allow_paths:
            stack.enter_context(output_paths.below(run_dir / "outputs"))
        session = Session(solver, options.data_dir, state, seed, replicas, options.ram_cache, alike, shards)
        snapshots.check(session)
        lines = EpochLines(session) if options.epoch_lines else None
        ckpt.writable_folder(run_dir)
        stack.enter_context(locked(run_dir))
        if options.restart and (aside := move_aside(run_dir)):
            ckpt.writable_folder(run_dir)
            stack.enter_context(locked(run_dir))
            options = _with_moved(options, run_dir, aside)
        checkpoints = ckpt.Checkpoints(run_dir / "checkpoints", session.variables(), options.keep_checkpoints)
        stack.enter_context(_log_file(run_dir / "train.log"))
        pairs = snapshots.Pairs(
            snapshots.prefix(solver, run_dir, options.allow_paths, options.own_prefix), options.keep_snapshots
        )
        signals.listen()
        if options.log_nets:
            start_log.say(solver, session.data.train, session.data.tests)
        if replicas.chief:
            card, known = recipe.compared(run_dir, session, checkpoints.latest, options.weights, options.snapshot)
            _start(session, checkpoints, *(((), None) if known else (options.weights, options.snapshot)))
            run_card.write(run_dir, card)
        session.start_alike()
        curves = Summaries(run_dir, options.histograms, options.images) if options.summaries else None
        progress = Progress(solver.max_iter, unit="iter", start=session.state.iteration)
        rewind = functools.partial(_rewind, session, checkpoints, options.weights, options.snapshot)
        began = session.state.iteration
        profiler = None
        if options.profile is not None:  # of several processes in each, as all have to stop at the same iterations
            optimizer = session.nets.optimizer.name
            profiler = Profiler(run_dir, options.profile, session.nets.train, optimizer, curves)
            profiler.check(session.state.iteration, solver.max_iter)
        loop = Loop(session, checkpoints, pairs, curves, signals, progress, rewind, options.final_test, lines, profiler)
        if options.snapshot_start:
            loop.snapshot_start()
        try:
            done = loop.run()
        finally:
            loop.close()
            progress.close()
            if curves is not None:
                curves.close()
        replicas.total([np.int32(1)])  # none leaves before the chief has written all
        model, _ = snapshots.paths(solver, pairs.prefix, session.state.iteration)
        weights = model if pathlib.Path(model).is_file() else None
    return Result(session, loop.scores, done, signals.terminated, began, weights)


def _in_common(solver, options, replicas):
    """Returns {part: text} in which the processes that train together have to agree besides the fingerprint."""
    if replicas.workers == 1:
        return {}
    given = {"precision": options.precision, "global_batch": str(replicas.global_batch)}
    return {**given, **of_process((*solver.weights, *options.weights), options.snapshot)}


def _start(session, checkpoints, weights, snapshot):
    path = checkpoints.restore()
    if path is not None:
        if snapshot or weights:
            raise CheckpointError(
                "this run has started already and resumes from its checkpoint",
                got=f"{path} and {'a snapshot' if snapshot else 'weights'} to start from",
                hint="start over with --restart, or in another --run_dir",
            )
        session.unpack()
        logging.info("Continuing from %s at iteration %d", path, session.state.iteration)
        return
    if snapshot:
        logging.info("Restoring previous solver status from %s", snapshot)
        own = checkpoint_files.at(snapshot)
        if own:
            checkpoints.restore(own)
            session.unpack()
        else:
            session.restore(snapshot)
        logging.info("Resuming at iteration %d", session.state.iteration)
        return
    for path in (*session.solver.weights, *weights):
        _load(session, path)


def _rewind(session, checkpoints, weights, snapshot):
    """Brings the session back to its newest checkpoint, or to where it began."""
    if checkpoints.latest:
        checkpoints.restore()
        session.unpack()
    else:
        session.reset()
        _start(session, checkpoints, weights, snapshot)


def _load(session, path):
    loaded = session.nets.load_weights(path)
    logging.info("Finetuning from %s", path)
    logging.info("Copied: %s", said(loaded.copied))
    for name in loaded.skipped:
        logging.info("Ignoring source layer %s", said([name]))
    for key in loaded.kept:
        logging.info("Layer %s gets nothing from it and keeps what its fillers gave", said([key]))


def move_aside(run_dir):
    """Returns where what was in `run_dir` has gone, or None where nothing was."""
    if all(path.name == LOCK for path in run_dir.iterdir()):
        return None
    free = (run_dir.with_name(f"{run_dir.name}.{number}") for number in itertools.count(1))
    aside = next(path for path in free if not path.exists())
    try:
        run_dir.rename(aside)
    except OSError as error:
        raise CheckpointError(f"cannot move {run_dir} aside", got=error.strerror) from error
    logging.info("The run that was in %s is now in %s", run_dir, aside)
    return aside


def _with_moved(options, run_dir, aside):
    """Returns the options with the paths at which their files are now that `run_dir` has moved."""
    weights = [_moved(path, run_dir, aside) for path in options.weights]
    snapshot = options.snapshot and _moved(options.snapshot, run_dir, aside)
    return dataclasses.replace(options, weights=weights, snapshot=snapshot)


def _moved(path, run_dir, aside):
    """Returns `path`, or where it is now if it lay in `run_dir`."""
    try:
        return str(aside / pathlib.Path(path).resolve().relative_to(run_dir.resolve()))
    except ValueError:
        return path


class _LogFile(python_logging.FileHandler):
    def handleError(self, record):  # noqa: N802, D102
        error = sys.exc_info()[1]
        raise CheckpointError(
            f"cannot write log {self.baseFilename}", got=getattr(error, "strerror", None) or error
        ) from error


class _PassedOn(python_logging.Handler):
    """Gives a record to the handlers of the root logger."""

    def emit(self, record):  # noqa: D102
        python_logging.getLogger().handle(record)


@contextlib.contextmanager
def _silence():
    """Yields a directory, gone afterwards, for what a process that is not the chief writes; its log: warnings only."""
    handler, quiet = logging.get_absl_handler(), lambda record: record.levelno >= python_logging.WARNING
    handler.addFilter(quiet)
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield folder
    finally:
        handler.removeFilter(quiet)


@contextlib.contextmanager
def _log_file(path):
    """Copies the log, in absl's form, to the end of `path`.

    The file has it all. Whoever sees it besides is shown what the verbosity lets through: in a notebook, warnings.
    """
    try:
        handler = _LogFile(path)
    except OSError as error:
        raise CheckpointError(f"cannot write log {path}", got=error.strerror) from error
    handler.setFormatter(logging.PythonFormatter())
    logger, verbosity = logging.get_absl_logger(), logging.get_verbosity()
    propagate = logger.propagate
    passed_on = _PassedOn(converter.absl_to_standard(verbosity))
    logger.addHandler(handler)
    if verbosity < logging.INFO:
        logging.set_verbosity(logging.INFO)  # a library's default would leave the file empty
        logger.addHandler(passed_on)
        logger.propagate = False
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        logger.propagate = propagate
        logger.removeHandler(passed_on)
        logger.removeHandler(handler)
        with contextlib.suppress(OSError):  # what could not be written has been said
            handler.close()
