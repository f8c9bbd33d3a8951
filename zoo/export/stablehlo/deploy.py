"""The net to deploy as a `Program`: parameters (in a file next to it) and inputs go in, outputs come out."""

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import UnsupportedError
from zoo.export.stablehlo.lower import lower
from zoo.export.stablehlo.program import INPUT, OUTPUT, STATE, Program, Value, blob_of, spec
from zoo.layers.base.geometry import keras_shape


def deploy_program(conversion, notes=None, exact=True):
    """Returns the `Program` of a `Conversion`, for batches of the size that its inputs have.

    Args:
        conversion: of phase TEST.
        notes: what else the JSON shall say.
        exact: as `lower` takes it.

    Raises:
        UnsupportedError: the net is that of TRAIN, or XLA has no form of one of its operations.
    """
    if conversion.phase != "TEST":
        hint = "--output=NAME.step.stablehlo writes the training step of a solver"
        raise UnsupportedError("a .stablehlo file to deploy is of phase TEST", got=conversion.phase, hint=hint)
    return net_program(conversion.net, conversion.outputs, notes, exact)


def net_program(net, named_outputs, notes=None, exact=True):
    """Returns the `Program` of a `Net` as it is in TEST, for batches of the size that it was built for.

    Args:
        net: the `Net`.
        named_outputs: {name: `BlobRef`} of what it shall give.
        notes, exact: as for `deploy_program`.

    Raises:
        UnsupportedError: XLA has no form of one of its operations.
    """
    owned = net.learnable()
    named = [(f"parameters/{p.key.layer}/{p.key.index}", p.variable, blob_of(p)) for p in owned]
    named += [(f"state/{name}", variable, None) for name, variable in net.state.items()]
    state = [Value(name, STATE, tuple(v.shape), v.dtype, blob) for name, v, blob in named]
    inputs = [Value(ref.name, INPUT, keras_shape(net.shapes[ref])) for ref in net.inputs]
    outputs = []

    def run(*tensors):
        given = tensors[: len(state)]
        with keras.StatelessScope(state_mapping=[(v, x) for (_, v, _), x in zip(named, given)]):
            values = net.run(dict(zip(net.inputs, tensors[len(state) :])))
            found = [tf.convert_to_tensor(values[ref]) for ref in named_outputs.values()]
        outputs[:] = [Value(blob, OUTPUT, tuple(x.shape), x.dtype.name) for blob, x in zip(named_outputs, found)]
        return found

    artifact = lower(run, [spec(value) for value in (*state, *inputs)], exact)
    start = {name: np.asarray(variable) for name, variable, _ in named}
    return Program("deploy", net.definition.name, artifact, (*state, *inputs), tuple(outputs), start, notes or {})
