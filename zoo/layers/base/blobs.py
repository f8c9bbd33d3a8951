"""Parameter blobs: Caffe's shape, the Keras variable that holds it, and the way between the two."""

import math
from dataclasses import dataclass

import numpy as np

from zoo.formats import caffe_pb2


def _copied(view):
    """Returns np.ascontiguousarray(view); of a large transposed one in a quarter of the time.

    A few columns at a time, so that a cache line that is read serves all that it holds: 0.45 s where it was 1.8 for
    the 25088 x 4096 of VGG's fc6.
    """
    if view.size < 2**20 or view.flags.c_contiguous:
        return np.ascontiguousarray(view)
    copy = np.empty(view.shape, view.dtype)
    for start in range(0, view.shape[-1], 32):
        copy[..., start : start + 32] = view[..., start : start + 32]
    return copy


@dataclass(frozen=True)
class BlobMap:
    """How a Caffe array becomes a Keras one: reshape to `split`, transpose by `perm`, reshape to `merged`.

    Every blob is such a re-ordering of its numbers, so one class serves all, and its inverse is exact.
    """

    split: tuple[int, ...]
    perm: tuple[int, ...]
    merged: tuple[int, ...]

    def to_keras(self, array):
        """Returns `array` (any Caffe shape of the same count) in the variable's shape."""
        return _copied(np.reshape(array, self.split).transpose(self.perm)).reshape(self.merged)

    def to_caffe(self, array, shape):
        """Returns the variable's `array` in Caffe's `shape`."""
        moved = tuple(self.split[axis] for axis in self.perm)
        return np.ascontiguousarray(np.reshape(array, moved).transpose(np.argsort(self.perm))).reshape(shape)


@dataclass(frozen=True)
class BlobSpec:
    """One parameter blob of a layer.

    Attributes:
        shape: Caffe's shape, outermost first; () for a scalar.
        variable: what Keras calls it: "kernel", "bias", ...
        filler: how it starts; None means zeros.
        map: the way to the variable; None where Caffe's array is the variable's.
        trainable: False for what is never learned (BatchNorm's sums), whatever lr_mult says.
        overwritten: whether the layer itself changes it in a pass although it is learned.
        multipliers: (lr_mult, decay_mult) where the layer type sets them, whatever the file says; else None.
    """

    shape: tuple[int, ...]
    variable: str
    filler: caffe_pb2.FillerParameter | None = None
    map: BlobMap | None = None
    trainable: bool = True
    overwritten: bool = False
    multipliers: tuple[float, float] | None = None

    @property
    def carried(self):
        """Whether a forward pass may change it."""
        return self.overwritten or not self.trainable

    @property
    def count(self):
        """Number of values."""
        return math.prod(self.shape)

    @property
    def keras_shape(self):
        """Shape of the variable."""
        return self.map.merged if self.map else self.shape

    def to_keras(self, array):
        """Returns Caffe's `array` in the variable's order and shape."""
        return self.map.to_keras(array) if self.map else np.reshape(array, self.shape)

    def to_caffe(self, array):
        """Returns the variable's `array` in Caffe's order and shape."""
        return self.map.to_caffe(array, self.shape) if self.map else np.reshape(array, self.shape)
