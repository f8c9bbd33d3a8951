"""The reference implementation of Caffe's layers: slow and plain, in NumPy, in Caffe's own (N,C,H,W) order.

It shares nothing with `zoo.converters`, so that a mistake in one of the two shows as a difference between them.
"""

from zoo.reference.interpreter import layer_types, run

__all__ = ["layer_types", "run"]
