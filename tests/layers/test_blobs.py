"""The way between Caffe's array and a Keras variable."""

import numpy as np
import pytest

from zoo.layers.base.blobs import BlobMap


@pytest.mark.parametrize("count", [5, 70, 1030])
@pytest.mark.parametrize("perm", [(2, 3, 1, 0), (2, 3, 0, 1), (0, 1, 2, 3)])
def test_large_arrays_move_as_small_ones_do(count, perm):
    split = (count, 64, 4, 4)  # the last one is copied a few columns at a time
    array = np.random.default_rng(0).random(split, dtype=np.float32)
    way = BlobMap(split, perm, tuple(split[axis] for axis in perm))
    there = way.to_keras(array.reshape(count, -1))
    np.testing.assert_array_equal(there, array.transpose(perm))
    assert there.flags.c_contiguous
    np.testing.assert_array_equal(way.to_caffe(there, array.shape), array)
