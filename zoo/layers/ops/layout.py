"""Tensors between Keras order (rank 4: N,H,W,C) and Caffe's (N,C,H,W); other ranks have one order, left as it is."""

from zoo.layers.base.lazy import ops


def to_caffe(x):
    """Returns the Keras tensor `x` with its axes in Caffe's order: (N,H,W,C) -> (N,C,H,W) for rank 4."""
    return ops.transpose(x, (0, 3, 1, 2)) if len(x.shape) == 4 else x


def from_caffe(x):
    """Returns `x`, whose axes are in Caffe's order, as a Keras tensor: (N,C,H,W) -> (N,H,W,C) for rank 4."""
    return ops.transpose(x, (0, 2, 3, 1)) if len(x.shape) == 4 else x
