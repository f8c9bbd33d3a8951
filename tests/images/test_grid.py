"""Grids of tiles, and filters as one."""

import numpy as np
import pytest

from zoo.errors import DataError
from zoo.images import scaling
from zoo.images.filters import filter_sheet
from zoo.images.grid import grid, resized


def test_a_grid_has_every_tile_in_its_place():
    tiles = np.random.default_rng(0).random((5, 2, 3, 1), np.float32)
    image = grid(tiles, columns=3, scale=2, gap=1, background=0.25)
    assert image.shape == (2 * 5, 2 * 11, 1)
    for index, tile in enumerate(tiles):
        y, x = index // 3 * 3 * 2, index % 3 * 4 * 2
        np.testing.assert_array_equal(image[y : y + 4 : 2, x : x + 6 : 2], tile)
        np.testing.assert_array_equal(image[y + 1 : y + 5 : 2, x + 1 : x + 7 : 2], tile)
    assert (image[4:6] == 0.25).all() and (image[6:, 16:] == 0.25).all()


@pytest.mark.parametrize(
    ("count", "size", "rows", "columns"),
    [(1, (8, 8), 1, 1), (20, (5, 5), 4, 5), (3, (4, 4), 2, 2), (8, (40, 10), 2, 6)],
)
def test_a_grid_is_about_square(count, size, rows, columns):
    assert grid(np.zeros((count, *size, 3)), gap=0).shape == (rows * size[0], columns * size[1], 3)


@pytest.mark.parametrize("shape", [(0, 2, 2, 1), (2, 2, 2), (1, 2, 2, 4)])
def test_no_grid_of_anything_else(shape):
    with pytest.raises(DataError, match="no tiles for a grid"):
        grid(np.zeros(shape))


def test_filters_of_three_channels_are_colours_and_each_has_its_own_range():
    filters = np.zeros((2, 3, 1, 2), np.float32)
    filters[0, 0, 0, 1] = 4  # blue
    filters[1, 2, 0, 0] = 0.1  # red
    sheet = filter_sheet(filters, scale=1, gap=0)
    np.testing.assert_array_equal(sheet, [[[0, 0, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 0]]])


def test_filters_of_other_channels_are_their_mean():
    filters = np.array([[[[0.0, 1.0]], [[4.0, 7.0]]]])
    np.testing.assert_array_equal(filter_sheet(filters, scale=1), [[[0], [1]]])


def test_scaling():
    values = np.array([[-1.0, 3.0], [np.nan, 1.0]])
    np.testing.assert_array_equal(scaling.each(values), [[0, 1], [0, 1]])
    np.testing.assert_array_equal(scaling.together(values), [[0, 1], [0.25, 0.5]])
    np.testing.assert_array_equal(scaling.together(values, 0, 2), [[0, 1], [0, 0.5]])
    np.testing.assert_allclose(scaling.signed(values), [[1 / 3, 1], [0.5, 2 / 3]], rtol=1e-6)
    np.testing.assert_array_equal(scaling.each(np.full((1, 2, 2), 7.0)), np.zeros((1, 2, 2)))


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_smaller_image_has_means_by_area(channels):
    image = np.random.default_rng(0).random((6, 8, channels), np.float32)
    small = resized(image, 3, 4)
    np.testing.assert_allclose(small, image.reshape(3, 2, 4, 2, channels).mean(axis=(1, 3)), rtol=1e-5)
    assert resized(image, 6, 8) is image
