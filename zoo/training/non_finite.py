"""Where a loss ceased to be finite: the iteration is run again, layer by layer, from the last good state."""

import numpy as np
import tensorflow as tf
from absl import logging

from zoo.converters.execution import steps
from zoo.errors import DataError, SolverError
from zoo.training.wrong_labels import counts, in_inputs, wrong_number

LONGEST = 120  # seconds that may go into running iterations again


def not_finite(session, step, rewind, iteration, loss, seconds, checkpoint):
    """Returns the SolverError for a loss that is not finite, or the DataError for the label that is the cause.

    The update has spoiled all parameters by then, so the state before it is made again: runs are exact functions of
    where they begin.

    Args:
        session: the `Session`.
        step: its `TrainStep`.
        rewind: brings the session to where it last was for certain: its newest checkpoint or its beginning.
        iteration, loss: which iteration, and what the loss was.
        seconds: that an iteration takes.
        checkpoint: path of the newest checkpoint, or None.
    """
    what, at = f"loss is {loss} at iteration {iteration}", None
    wrong = in_inputs(session.nets.train, session.data.own_batches(iteration), what)
    if wrong is not None:
        return wrong
    found = _find(session, step, rewind, iteration, seconds, what)
    if isinstance(found, DataError):
        return found
    if found is not None:
        layer, where, bad, count = found
        at = layer.at()
        what += f"; it begins in {where} of this layer, where {bad} of {count} values are not finite"
    hint = f"the last good checkpoint is {checkpoint}" if checkpoint else "no checkpoint had been written"
    return SolverError(what, at=at, want="a finite number", hint=hint)


def _find(session, step, rewind, iteration, seconds, what):
    """Returns what `first_not_finite` does, of the batches of `iteration`."""
    if session.replicas.count > 1:
        return None  # a device alone sees its own rows only
    rewind()
    again = iteration - session.state.iteration
    if again < 0 or again * seconds > LONGEST:
        logging.info("Not looking for the layer: %d iterations would have to be run again", again)
        return None
    logging.info("Looking for the layer: running %d iterations again", again)
    batches = session.train_batches()
    if again:
        step(batches, again)
    for _ in range(session.solver.iter_size):
        found = first_not_finite(session.nets.train, next(batches), what)
        if found is not None:
            return found
        session.nets.train.clock.assign_add(1)
    return None


def first_not_finite(net, batch, what):
    """Returns (LayerDef, what of it, how many values are not finite, of how many) for the first layer with such.

    Where that comes from a label that no class has, returns the DataError that says so; None for no such layer.

    Args:
        net: a built `Net`.
        batch: its inputs' tensors, in order.
        what: what is wrong, as a clause.
    """
    values = dict(zip(net.inputs, batch))
    for layer, tops in steps(net.layers, values):
        definition = layer.definition
        for index, parameter in enumerate(layer.parameters):
            bad = _count(parameter.variable.value)
            if bad:
                return definition, f"parameter {index}", bad, parameter.spec.count
        for ref, top in zip(definition.tops, tops) if counts(layer) else ():
            bad = _count(top)
            if bad:
                return wrong_number(net, values, what) or (definition, f'top "{ref}"', bad, int(np.prod(top.shape)))
    return None


def _count(tensor):
    finite = tf.math.is_finite(tf.cast(tensor, tf.float32))
    return int(tf.size(finite)) - int(tf.math.count_nonzero(finite))
