"""The numbers of a blob, in NumPy for the user and in a tensor for the net; whichever is newer counts.

Caffe keeps one memory that Python and the net both write (syncedmem.cpp). Here an array that was handed out may be
written at any time, as long as somebody holds it; the number of references to the array's buffer tells whether.
"""

import math
import sys
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.pycaffe import modes


class Order:
    """How an activation's axes lie: Caffe's (N,C,H,W) and Keras's (N,H,W,C) for rank 4, one order for other ranks."""

    @staticmethod
    def to_keras(array):
        """Returns `array`, possibly as a view, in Keras's order."""
        return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array

    @staticmethod
    def to_caffe(array):
        """Returns `array`, possibly as a view, in Caffe's order."""
        return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array


def _references(holder):
    return sys.getrefcount(holder._buffer)


class Memory:
    """One float32 array of Caffe's shape that starts at zeros.

    Args:
        shape: Caffe's shape.
        order: object with `to_keras` and `to_caffe` for arrays: an `Order`, or a parameter's `BlobSpec`.
    """

    def __init__(self, shape, order=Order):
        self.shape, self._order = tuple(shape), order
        # Flat; may be longer than the shape needs, as Caffe keeps what it once had.
        self._buffer: np.ndarray | None = None
        self._tensor: Any = None  # a tensor, or the variable itself
        self._stale = False  # the buffer is older than the tensor
        self._lent = False  # the buffer may be newer than the tensor

    @property
    def count(self):
        """Number of values."""
        return math.prod(self.shape)

    @property
    def untouched(self):
        """Whether nothing was ever put here, so that all is zero."""
        return self._buffer is None and self._tensor is None

    def host(self):
        """Returns the NumPy array of Caffe's shape; what is written into it counts."""
        self._refresh()
        self._lent = True
        return self._view()

    def device(self):
        """Returns the tensor, in Keras's order, with everything that was written into the array."""
        if self._tensor is None or self._lent:
            self._refresh()
            self._tensor = self._upload(self._order.to_keras(self._view()))
            self._lent = self._held
        return self._tensor

    def put(self, tensor, shape=None):
        """Takes new values from a tensor in Keras's order; arrays that somebody holds show them at once."""
        if shape is not None and tuple(shape) != self.shape:
            self.reshape(shape)
        self._tensor = tensor
        self._changed()

    def add(self, tensor):
        """Adds the values of a tensor in Keras's order."""
        if not self.untouched:
            with tf.device(modes.device()):
                tensor = self.device() + tensor
        self.put(tensor)

    def clear(self):
        """Makes all values zero."""
        self._tensor, self._stale, self._lent = None, False, False
        if self._held:
            self._whole()[:] = 0
            self._lent = True
        else:
            self._buffer = None

    def reshape(self, shape):
        """Gives the array another shape: the values stay, in order, where there is space; else all become zero."""
        shape = tuple(shape)
        if shape == self.shape:
            return
        if self.untouched:
            self.shape = shape
            return
        self._refresh()
        self.shape = shape
        if self._whole().size < self.count:
            self._buffer = np.zeros(self.count, np.float32)
        self._tensor, self._stale, self._lent = None, False, True

    @property
    def _held(self):
        """Whether anybody holds an array over the buffer."""
        return self._buffer is not None and _references(self) > _ALONE

    def _whole(self) -> np.ndarray:
        """The flat buffer, made of zeros where there is none."""
        if self._buffer is None:
            self._buffer = np.zeros(self.count, np.float32)
        return self._buffer

    def _view(self):
        return self._whole()[: self.count].reshape(self.shape)

    def _changed(self):
        """Notes that the tensor is newer now."""
        self._stale, self._lent = True, False
        if self._held:
            self._refresh()
            self._lent = True

    def _refresh(self):
        if self._stale:
            self._view()[...] = self._order.to_caffe(self._download())
            self._stale = False

    def _download(self):
        return self._tensor.numpy()

    def _upload(self, array):
        with tf.device(modes.device()):
            return tf.constant(_copied(array))


class VariableMemory(Memory):
    """The values of a Keras variable, which others change too: they call `changed` after, and `flush` before they read.

    Args:
        parameter: a `zoo.converters.parameters.Parameter`.
    """

    def __init__(self, parameter):
        super().__init__(parameter.spec.shape, parameter.spec)
        self.variable = parameter.variable
        self._tensor, self._stale = parameter.variable, True

    def flush(self):
        """Brings what was written into the array to the variable."""
        self.device()

    def changed(self):
        """Takes note that the variable has new values."""
        self._changed()

    def put(self, tensor, shape=None):
        """Assigns the variable."""
        self.variable.assign(tensor)
        self._changed()

    def reshape(self, shape):
        """A parameter keeps its shape; raises ValueError."""
        if tuple(shape) != self.shape:
            raise ValueError(f"a parameter of shape {self.shape} cannot become {tuple(shape)}")

    def _download(self):
        return np.asarray(self.variable.value.numpy(), np.float32)

    def _upload(self, array):
        self.variable.assign(_copied(array))
        return self.variable


class ReshapedMemory:
    """Another memory in another shape of the same count, in Caffe's order of values: a shared parameter.

    Args:
        memory: the owner's.
        shape: Caffe's shape here.
    """

    def __init__(self, memory, shape):
        self._memory, self.shape = memory, tuple(shape)

    @property
    def count(self):
        """Number of values."""
        return self._memory.count

    def host(self):
        """Returns the owner's array in the shape here."""
        return self._memory.host().reshape(self.shape)

    def clear(self):
        """Makes all values zero."""
        self._memory.clear()

    def reshape(self, shape):
        """A parameter keeps its shape; raises ValueError."""
        if tuple(shape) != self.shape:
            raise ValueError(f"a parameter of shape {self.shape} cannot become {tuple(shape)}")


def _copied(array):
    """Returns a copy in one piece: TensorFlow may keep an array that it is given instead of copying it."""
    return np.array(array, np.float32, order="C")


def _alone():
    """Returns how many references a buffer has that nobody holds; a matter of the interpreter."""

    class Holder:
        _buffer: np.ndarray | None = None

    holder = Holder()
    holder._buffer = np.zeros(1, np.float32)
    return _references(holder)


_ALONE = _alone()
