"""Variable injection: stock Keras layers use variables that the net owns."""

from zoo.layers.base.lazy import keras, ops


def inject(layer, variables):
    """Injects variables into a Keras layer that is not built yet: it uses them instead of creating its own.

    Args:
        layer: a stock `keras.layers.Layer`.
        variables: {name that the layer's `build` gives a weight, such as "kernel": keras.Variable}. A variable may be
            shared between layers; each tracks it, and a model lists it once.

    Returns:
        The layer.

    Raises:
        ValueError: when the layer is built and requests a weight that is not given, or of another shape.
    """

    def add_weight(shape=None, initializer=None, *, name=None, **_):
        if name not in variables:
            raise ValueError(f"{layer.name} requests a weight {name!r}; given are {sorted(variables)}")
        variable = variables[name]
        if tuple(variable.shape) != tuple(shape):
            raise ValueError(f"{layer.name}/{name} has shape {tuple(variable.shape)}, the layer expects {tuple(shape)}")
        return variable

    layer.add_weight = add_weight
    return layer


def reader(variable, name, portable, dtype=None):
    """Returns a function from any tensor of the graph, of rank 1 or more, to the value of `variable` as a tensor.

    The tensor that it is given only ties the value to the graph; nothing is read from it but its dtype. That is what
    allows plain keras.ops to compute with a variable in a functional model.

    Args:
        variable: a keras.Variable of rank 1 to 8.
        name: of the Keras layer.
        portable: True for a stock layer: the outer product of a one and the variable, as EinsumDense computes it.
        dtype: of the value; None follows the global policy, which may be a half precision.
    """
    if not portable:
        from zoo.layers.keras_layers.value import Value

        return Value(variable, name=name, dtype=dtype)
    axes = "bcdefghi"[: len(variable.shape)]
    outer = inject(
        keras.layers.EinsumDense(f"a,{axes}->a{axes}", output_shape=tuple(variable.shape), name=name, dtype=dtype),
        {"kernel": variable},
    )

    def read(like):
        # Of a shape that is known, so that a converter finds a constant in all of this.
        one = ops.ones_like(ops.reshape(like[(slice(0, 1),) + (0,) * (len(like.shape) - 1)], (1,)))
        return ops.reshape(outer(one), variable.shape)  # not squeeze, for a batch of open size

    return read
