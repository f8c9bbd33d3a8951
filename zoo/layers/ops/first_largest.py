"""The place of the largest value, of equal ones the first."""

from zoo.layers.base.lazy import ops


def first_largest(x, axis):
    """Returns int32 indices along `axis`, which the result does not have.

    `keras.ops.argmax` takes -0 for less than 0, where Caffe's comparisons find them equal, and for that it needs
    operators which LiteRT does not have.
    """
    return ops.argmax(ops.cast(ops.equal(x, ops.max(x, axis=axis, keepdims=True)), "int32"), axis=axis)
