"""The training step of a solver as a `Program`: state and a batch go in, the new state and the loss come out."""

import numpy as np
import tensorflow as tf

from zoo.export.stablehlo.lower import lower
from zoo.export.stablehlo.program import INPUT, LOSS, OUTPUT, STATE, Program, Value, blob_of, spec


def step_program(step, notes=None, exact=True):
    """Returns the `Program` of a pure step.

    Args:
        step: a `zoo.training.pure_step.PureStep`, or what has its attributes and is called like it.
        notes: what else the JSON shall say.
        exact: as `lower` takes it.

    Raises:
        UnsupportedError: XLA has no form of one of the net's operations.
    """
    state = []
    for kept in step.kept:
        sign = step.optimizer.history_sign if kept.name.startswith("history/") else 1
        blob = blob_of(kept.parameter, sign) if kept.parameter else None
        shape = tuple(kept.variable.shape)
        # Counters are of 32 bits at the door: JAX knows no others unless it is told to.
        dtype = "int32" if "int" in kept.variable.dtype else kept.variable.dtype
        state.append(Value(kept.name, STATE, shape, dtype, blob))
    shapes = step.input_shapes()
    inputs = [Value(ref.name, INPUT, shape) for ref, shape in zip(step.inputs, shapes)]
    outputs = []

    def run(*tensors):
        own = [tf.cast(x, kept.variable.dtype) for x, kept in zip(tensors, step.kept)]
        after, loss, given = step(own, list(tensors[len(state) :]))
        outputs[:] = [Value(ref.name, OUTPUT, tuple(x.shape)) for ref, x in zip(step.outputs, given)]
        return [*(tf.cast(x, value.dtype) for x, value in zip(after, state)), loss, *given]

    artifact = lower(run, [spec(value) for value in (*state, *inputs)], exact)
    start = {value.name: np.asarray(kept.variable, value.dtype) for value, kept in zip(state, step.kept)}
    results = (*state, Value("loss", LOSS, ()), *outputs)
    name = step.net.definition.name
    return Program("step", name, artifact, (*state, *inputs), results, start, notes or {})
