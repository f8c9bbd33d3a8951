"""Caffe's own snapshot pair, `.caffemodel` and `.solverstate` (or both `.h5`), written and read."""

import contextlib
import pathlib
import re

import numpy as np
from absl import logging

from zoo.converters import weights
from zoo.errors import CheckpointError, SolverError
from zoo.formats import caffemodel, caffemodel_hdf5, solverstate, wire
from zoo.training.checkpoints import writable_folder


def prefix(solver, run_dir, allow_paths=False, own=False):
    """Returns what the pairs' names begin with: `run_dir`/snapshots/NAME, with the last part of the solver's prefix.

    So runs from different working directories, or of one solver in two run directories, never overwrite each other's,
    and a stranger's config writes nowhere else. A prefix that is absolute holds as Caffe has it with `allow_paths`;
    without, the log says that it does not. With `own` every prefix holds, a relative one from the working directory.
    """
    given = solver.message.snapshot_prefix
    absolute = solver.snapshot_prefix and pathlib.Path(given).is_absolute()
    if solver.snapshot_prefix and (own or absolute and allow_paths):
        return solver.snapshot_prefix
    named = given and not given.endswith("/")
    name = pathlib.Path(solver.snapshot_prefix or "").name if named or not solver.file else ""
    name = name if name not in ("", "..") else pathlib.Path(solver.file or "solver").stem
    found = str(pathlib.Path(run_dir, "snapshots", name))
    if absolute:
        what = "snapshots go to %s, not to the config's snapshot_prefix %s outside the run directory (--allow_paths)"
        logging.warning(what, found, given)
    elif given:
        what = 'snapshots go to %s: in the run directory, not to snapshot_prefix "%s" (--own_prefix follows it)'
        logging.info(what, found, given)
    return found


def paths(solver, prefix, iteration):
    """Returns (path of the .caffemodel, path of the .solverstate) of an iteration's pair."""
    stem, end = f"{prefix}_iter_{iteration}", ".h5" if solver.snapshot_format == "HDF5" else ""
    return f"{stem}.caffemodel{end}", f"{stem}.solverstate{end}"


def check(session):
    """Looks at the snapshots that a solver asks for before anything is learned; warns of what they cannot give back.

    Raises:
        SolverError: they cannot be written.
    """
    solver, net = session.solver, session.nets.train
    if not (solver.snapshot or solver.snapshot_after_train):
        return
    if solver.snapshot_format != "HDF5":
        for layer in weights.lost(net):
            what = "no .caffemodel gives back what it learns, to Caffe or here: an earlier layer has its name"
            logging.warning("%s: %s (checkpoints do)", layer.at(), what)
        return
    try:
        caffemodel_hdf5.check_names([(layer.definition.name, layer.parameters) for layer in net.layers])
    except wire.WireError as cause:
        at = [layer.definition for layer in net.layers if layer.definition.name == cause.layer][-1].at("name")
        hint = "give each layer a name of its own, or say snapshot_format: BINARYPROTO"
        raise SolverError(f"snapshots cannot be HDF5: {cause.what}", at=at, got=cause.got, hint=hint) from cause


class Pairs:
    """The pairs of one run: written when Caffe writes them, with their diffs where `snapshot_diff` asks for them.

    Args:
        prefix: what their names begin with; the directory is made if it is not there.
        keep: of how many iterations they stay; None keeps all, as Caffe does.

    Raises:
        CheckpointError: the directory cannot be made or written.
    """

    def __init__(self, prefix, keep=None):
        self.prefix, self._keep = prefix, keep
        writable_folder(pathlib.Path(prefix).parent)

    def save(self, session):
        """Writes the pair of the session's iteration; raises WeightsError."""
        solver, nets = session.solver, session.nets
        diffs = updates(nets.train, nets.optimizer) if solver.snapshot_diff else None
        model, state = write(solver, nets.train, nets.optimizer, session.state.iteration, self.prefix, diffs)
        kind = "HDF5 file" if solver.snapshot_format == "HDF5" else "binary proto file"
        logging.info("Snapshotting to %s %s", kind, model)
        logging.info("Snapshotting solver state to %s %s", kind, state)
        prune(self.prefix, self._keep)


def updates(net, optimizer):
    """Returns {layer key: arrays of Caffe's shapes}: what the last update subtracted, which is each blob's diff.

    The optimizer keeps updates. What it does not update has a diff of 0, and a shared blob its owner's diff.
    """

    def diff(parameter):
        owner = net.parameters[parameter.key]
        update = optimizer.subtracted(owner.variable)
        if update is None:
            return np.zeros(parameter.spec.shape, np.float32)
        return owner.spec.to_caffe(update).reshape(parameter.spec.shape)

    return {layer.definition.key: [diff(p) for p in layer.parameters] for layer in net.layers}


def write(solver, net, optimizer, iteration, prefix, diffs=None):
    """Writes the pair of an iteration; returns their paths (solver.cpp:418-470, sgd_solver.cpp:240-300).

    Args:
        solver: the `SolverDef`.
        net: the training `Net`.
        optimizer: the one over its learnable parameters.
        iteration: how many updates it has made.
        prefix: what the names begin with.
        diffs: {layer key: list of arrays} for `snapshot_diff`; in Caffe a blob's diff then holds what the last
            update subtracted from it.

    Raises:
        WeightsError: a file cannot be written; no half-written one stays.
    """
    model, state = paths(solver, prefix, iteration)
    caffemodel.write(model, weights.arrays(net), net.definition.message, diffs=diffs, shared=weights.shared(net))
    learnable = net.learnable()
    history = optimizer.history([p.variable for p in learnable])
    arrays = tuple(learnable[i % len(learnable)].spec.to_caffe(array) for i, array in enumerate(history))
    step = solver.schedule.current_step(iteration)
    saved = solverstate.SolverState(iteration, model, arrays, step, *solver.schedule.events())
    solverstate.write(state, saved)
    return model, state


def restore(path, net, optimizer, load_weights):
    """Loads the weights and the history of the `.solverstate` at `path`.

    Args:
        path: the file's.
        net: the training `Net`.
        optimizer: the one over its learnable parameters.
        load_weights: called with the path of a weights file; copies it into the nets.

    Returns:
        The `SolverState`, whose iteration and rate the caller resumes from.

    Raises:
        CheckpointError: the history is not that of this net and solver, or the weights it names are not there.
        WeightsError: a file is damaged or does not fit.
    """
    state = solverstate.read(path)
    learnable = net.learnable()
    arrays = _history(state, learnable, path)
    if state.learned_net:
        load_weights(_weights_of(state, path))
    optimizer.load_history([p.variable for p in learnable], arrays)
    return state


def weights_of(path):
    """Returns the path of the weights that the `.solverstate` at `path` names, as they are or next to it.

    Raises:
        CheckpointError: it cannot be read, names none, or they are not there.
    """
    state = solverstate.read(path)
    if not state.learned_net:
        raise CheckpointError(f"{path} names no weights", want="learned_net, as snapshots of Caffe's have it")
    return str(_weights_of(state, path))


def _history(state, learnable, path):
    """Returns the history arrays in their variables' shapes, checked against the net before anything is changed."""
    if len(state.history) % len(learnable) if learnable else state.history:
        what = f"{path} is of another net: number of history arrays"
        raise CheckpointError(what, got=len(state.history), want=f"a multiple of {len(learnable)}")
    arrays = []
    for position, array in enumerate(state.history):
        parameter = learnable[position % len(learnable)]
        if array.size != parameter.spec.count:
            what = f"history of {parameter.key} in {path}"
            raise CheckpointError(what, got=array.shape, want=parameter.spec.shape)
        arrays.append(parameter.spec.to_keras(array))
    return arrays


def _weights_of(state, path):
    """Returns where the weights are: as the state has it, or next to it, as when both have been moved."""
    nearby = pathlib.Path(path).with_name(pathlib.Path(state.learned_net).name)
    for found in (pathlib.Path(state.learned_net), nearby):
        if found.is_file():
            return found
    raise CheckpointError(f"{path} names weights that are not there", got=state.learned_net, want=f"or {nearby}")


def prune(prefix, keep):
    """Removes all but the pairs of the newest `keep` iterations; None keeps all."""
    if keep is None:
        return
    form = re.compile(re.escape(pathlib.Path(prefix).name) + r"_iter_(\d+)\.(caffemodel|solverstate)(\.h5)?")
    found = [(path, form.fullmatch(path.name)) for path in pathlib.Path(prefix).parent.iterdir()]
    numbered = [(int(match[1]), path) for path, match in found if match]
    newest = sorted({number for number, _ in numbered})[-keep:]
    for number, path in numbered:
        if number not in newest:
            with contextlib.suppress(OSError):
                path.unlink()
