"""A TensorFlow function without variables -> StableHLO, in the form that its makers keep readable for years."""

import re

import tensorflow as tf

from zoo.errors import UnsupportedError

# The oldest form that has all that TensorFlow writes here: every StableHLO from 1.0 on reads it, so every JAX of today.
VERSION = "1.0.0"
_PLACE = re.compile(r"^(#loc\d*) = loc\(.*\)$", re.MULTILINE)
_ELIDED = "__elided__"
_FAST = re.compile(r"#stablehlo<precision DEFAULT>|(?<=precision = )\[DEFAULT, DEFAULT\]")


def lower(function, specs, exact=True):
    """Returns the portable StableHLO artifact of `function`, as bytes.

    The artifact's `main` takes and gives flat tensors, one for each of `specs` and of what `function` returns, in that
    order. It names no device. Where things stood in Python files is left out: it is the path of whoever converts.

    Args:
        function: takes a tensor for each of `specs`; returns tensors, nested as `tf.nest` takes them.
        specs: `tf.TensorSpec`s of known shapes.
        exact: whether products of float32 are of float32 on every device (precision HIGHEST). Otherwise each takes
            what its XLA thinks fit (precision DEFAULT), which on NVIDIA's cards is TF32 with 10 bits of fraction.

    Raises:
        UnsupportedError: it reads a variable, or XLA has no form of one of its operations.
    """
    compiled = tf.function(function, jit_compile=True, autograph=False)
    if compiled.get_concrete_function(*specs).captured_inputs:
        raise UnsupportedError("StableHLO holds no variables, and the net has some that are no argument")
    try:
        text = compiled.experimental_get_compiler_ir(*specs)(stage="stablehlo")
    except (ValueError, tf.errors.OpError) as cause:
        said = str(cause).strip().splitlines()[0]
        raise UnsupportedError("XLA cannot take this net", got=said) from cause
    return serialized(_FAST.sub(lambda found: found[0].replace("DEFAULT", "HIGHEST"), text) if exact else text)


def serialized(text):
    """Returns the portable artifact of a module's text.

    Raises:
        UnsupportedError: the text leaves out a large constant.
    """
    from tensorflow.compiler.mlir.stablehlo import stablehlo_extension

    if _ELIDED in text:
        raise UnsupportedError("the net holds a constant that is too large for StableHLO's text")
    return stablehlo_extension.serialize_portable_artifact_str(_PLACE.sub(r"\1 = loc(unknown)", text), VERSION)
