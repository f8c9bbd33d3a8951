"""Caffe's own snapshot pair, `.caffemodel` and `.solverstate` (or both `.h5`), written and read."""

import pathlib

from zoo.converters import weights
from zoo.errors import CheckpointError, UnsupportedError
from zoo.formats import caffemodel, solverstate


def write(session, prefix):
    """Writes the pair for the session's iteration; returns their paths (solver.cpp:418-470, sgd_solver.cpp:240-300).

    Raises:
        WeightsError: a file cannot be written; no half-written one stays.
    """
    solver, end = session.solver, ".h5" if session.solver.snapshot_format == "HDF5" else ""
    stem = f"{prefix}_iter_{session.iteration}"
    model, state = f"{stem}.caffemodel{end}", f"{stem}.solverstate{end}"
    net = session.train
    keys = {p.key for p in net.learnable()}
    shared = {
        (layer.definition.name, index)
        for layer in net.layers
        for index, p in enumerate(layer.parameters)
        if p.key in keys and (p.key.layer, p.key.index) != (layer.definition.name, index)
    }
    caffemodel.write(model, weights.arrays(net), net.definition.message, shared=shared)
    learnable = net.learnable()
    history = session.optimizer.history([p.variable for p in learnable])
    arrays = tuple(learnable[i % len(learnable)].spec.to_caffe(array) for i, array in enumerate(history))
    step = solver.schedule.current_step(session.iteration)
    solverstate.write(state, solverstate.SolverState(session.iteration, model, arrays, step))
    return model, state


def restore(session, path):
    """Makes the session stand where the `.solverstate` at `path` stands, weights, history and iteration.

    Raises:
        CheckpointError: the history is not that of this net and solver, or the weights it names are not there.
        WeightsError: a file is damaged or does not fit.
        UnsupportedError: the rate had been lowered at other iterations than this solver says.
    """
    state = solverstate.read(path)
    if state.learned_net:
        beside = pathlib.Path(path).with_name(pathlib.Path(state.learned_net).name)
        found = next((p for p in (pathlib.Path(state.learned_net), beside) if p.is_file()), None)
        if found is None:
            raise CheckpointError(
                f"{path} names weights that are not there", got=state.learned_net, want=f"or {beside}"
            )
        session.load_weights(found)
    learnable = session.train.learnable()
    arrays = []
    for position, array in enumerate(state.history):
        spec = learnable[position % len(learnable)].spec
        if array.size != spec.count:
            what = f"history of {learnable[position % len(learnable)].key} in {path}"
            raise CheckpointError(what, got=array.shape, want=spec.shape)
        arrays.append(spec.to_keras(array))
    session.optimizer.load_history([p.variable for p in learnable], arrays)
    expected = session.solver.schedule.current_step(state.iteration)
    if session.solver.lr_policy == "multistep" and state.current_step != expected:
        raise UnsupportedError(f"{path} lowered its rate at other iterations", got=state.current_step, want=expected)
    session.stand_at(state.iteration)
