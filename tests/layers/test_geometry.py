"""Sizes and axes against direct computations of what they mean."""

import itertools

import numpy as np
import pytest

from zoo.errors import NetError
from zoo.layers.base import geometry
from zoo.layers.base.geometry import Window

SIZES, KERNELS, STRIDES, PADS = range(1, 12), (1, 2, 3, 5), (1, 2, 3, 4), (0, 1, 2)


def windows(dilations=(1,)):
    return itertools.product(SIZES, itertools.starmap(Window, itertools.product(KERNELS, STRIDES, PADS, dilations)))


def test_axes():
    assert [geometry.keras_axis(a, 4) for a in range(4)] == [0, 3, 1, 2]
    assert [geometry.keras_axis(a, 4) for a in range(-4, 0)] == [0, 3, 1, 2]
    assert [geometry.keras_axis(a, 3) for a in (0, 1, 2, -1)] == [0, 1, 2, 2]
    assert geometry.keras_shape((2, 3, 5, 7)) == (2, 5, 7, 3)
    assert geometry.keras_shape((2, 3, 5)) == (2, 3, 5)
    for axis in (3, -4):
        with pytest.raises(NetError, match="no such axis, got"):
            geometry.keras_axis(axis, 3)


def test_conv_size_counts_windows_that_fit():
    for size, w in windows(dilations=(1, 2)):
        room = size + 2 * w.pad - w.extent
        if room >= 0:
            fitting = sum(i * w.stride + w.extent <= size + 2 * w.pad for i in range(40))
            assert geometry.conv_size(size, w) == fitting
    assert geometry.conv_size(3, Window(5, stride=3)) == 1  # -2 / 3 is 0 in C
    assert geometry.conv_size(3, Window(5, stride=2)) == 0


def test_deconv_undoes_conv_where_nothing_is_left_over():
    for size, w in windows(dilations=(1, 2)):
        room = size + 2 * w.pad - w.extent
        if room >= 0 and room % w.stride == 0:
            assert geometry.deconv_size(geometry.conv_size(size, w), w) == size


@pytest.mark.parametrize(
    "size, window, ceil, want",
    [
        (55, Window(3, 2), True, 27),
        (112, Window(3, 2), True, 56),  # overhangs by one
        (112, Window(3, 2), False, 55),
        (6, Window(2, 2, 1), True, 4),
        (7, Window(2, 2, 1), True, 4),  # of 5, the last would begin at 8 = 7 + 1
        (7, Window(1, 3), True, 3),
        (8, Window(1, 3), True, 4),  # the last window lies outside and stays, there being no padding
        (2, Window(3, 2), True, 1),
        (2, Window(3, 2), False, 0),
    ],
)
def test_pool_size(size, window, ceil, want):
    assert geometry.pool_size(size, window, ceil) == want


def test_the_last_window_is_dropped_by_padding_of_another_axis():
    assert geometry.pool_size(8, Window(1, 3), padded=True) == 3


def test_pool_divisors():
    assert geometry.pool_divisors(5, Window(3, 2, 1), 4) == (3, 3, 3, 1)
    assert geometry.pool_divisors(6, Window(4, 3, 1), 3) == (4, 4, 2)
    assert geometry.pool_divisors(7, Window(1, 3), 4) == (1, 1, 1, -2)


def test_cover_lays_windows_inside():
    for size, w in windows(dilations=(1, 2)):
        out = geometry.conv_size(size, w)
        if out > 0:
            before, after = geometry.cover(size, w, out)
            assert before == w.pad
            assert (before + size + after - w.extent) // w.stride + 1 == out


def test_same_is_claimed_only_where_the_windows_begin_as_with_explicit_padding():
    import tensorflow as tf

    claimed = 0
    for size, w in windows():
        out = geometry.conv_size(size, w)
        if out < 1 or not geometry.same_is_exact(size, w, out):
            continue
        claimed += 1
        x = np.arange(1, size + 1, dtype=np.float32).reshape(1, 1, size, 1)
        kernel = (10.0 ** np.arange(w.kernel, dtype=np.float32)).reshape(1, -1, 1, 1)
        same = tf.nn.conv2d(x, kernel, [1, w.stride], "SAME")
        explicit = tf.nn.conv2d(
            np.pad(x, [(0, 0), (0, 0), geometry.cover(size, w, out), (0, 0)]), kernel, [1, w.stride], "VALID"
        )
        np.testing.assert_allclose(same, explicit, rtol=1e-6)
    assert claimed > 50


def test_spp_windows():
    assert geometry.spp_window(10, 2) == Window(3, 3, 1)
    assert geometry.spp_window(7, 1) == Window(4, 4, 1)
    assert geometry.spp_window(7, 0) == Window(7, 7, 0)
