"""The first of equal values, as Caffe's loops find it."""

import numpy as np

from zoo.layers.ops.first_largest import first_largest


def test_zeros_of_either_sign_are_equal():
    x = np.array([[-0.0, 0.0, -1], [-1, 0.0, -0.0], [-3, -0.0, 0.0], [1, 2, 2]], np.float32)
    assert np.asarray(first_largest(x, axis=1)).tolist() == [0, 1, 1, 1]
    assert np.asarray(first_largest(x, axis=0)).tolist() == [3, 3, 3]
