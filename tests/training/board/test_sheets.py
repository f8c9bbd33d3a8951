"""Items of a batch, mistakes, activations and filters as one image each."""

import types

import numpy as np
import pytest

from zoo.input.feed import ImageFeed
from zoo.training.board import sheets

NAMES = ("cat", "dog")


def test_what_the_net_takes_items_for_is_green_where_it_is_right_and_red_where_not():
    images = np.random.default_rng(0).random((2, 10, 10, 1))
    sheet = sheets.predicted(images, [0, 0], np.array([[0.75, 0.25], [0.25, 0.75]]), NAMES)
    height, width = sheet.shape[:2]
    right, wrong = sheet[-12:, : width // 2], sheet[-12:, width // 2 :]
    assert (right[..., 1] - right[..., 0]).max() > 0.2 > (right[..., 0] - right[..., 1]).max()
    assert (wrong[..., 0] - wrong[..., 1]).max() > 0.2 > (wrong[..., 1] - wrong[..., 0]).max()
    assert width == 2 * 90 + 4 and height == 90 + 14


@pytest.mark.parametrize("size, shown", [(28, 84), (84, 84), (227, 160), (1000, 160)])
def test_sheets_are_of_a_size_to_look_at(size, shown):
    images = np.zeros((9, size, size, 3))
    assert sheets.inputs(images, None, ()).shape[:2] == (2 * shown + 4, 8 * shown + 28)
    assert sheets.mistaken(images[:3], [(0, 1)] * 3, NAMES).shape[1] == 3 * shown + 8
    assert sheets.inputs(images[:1], [5], NAMES).shape[1] == shown  # a label without a name


def test_activations_and_filters():
    assert sheets.activations(np.zeros((64, 55, 55), np.float32)).shape[:2] == (8 * 55 + 14, 8 * 55 + 14)
    for shape in ((20, 1, 5, 5), (96, 3, 11, 11), (1000, 3, 3, 3), (4, 3, 200, 200)):
        assert max(sheets.filters(np.zeros(shape)).shape) < 700
    red = np.zeros((1, 3, 2, 2))
    red[0, 0, 0, 0] = 1
    assert sheets.filters(red, "RGB")[0, 0].tolist() == [1, 0, 0] and sheets.filters(red)[0, 0].tolist() == [0, 0, 1]


@pytest.mark.parametrize("order, want", [("RGB", "RGB"), ("BGR", "BGR"), ("gray", "BGR"), (None, "BGR")])
def test_the_order_of_channels_is_that_of_the_card(order, want):
    card = types.SimpleNamespace(channel_order=order, classes=("a",)) if order else None
    feed = types.SimpleNamespace(_source=types.SimpleNamespace(card=card))
    assert ImageFeed.channel_order(feed) == want and ImageFeed.classes(feed) == (("a",) if order else ())
