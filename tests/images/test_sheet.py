"""Sheets: every panel is there pixel for pixel, and no text is cut."""

import numpy as np
import pytest

from zoo.images.sheet import GAP, MARGIN, Bar, Panel, bars, number, packed, sheet


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(1, 200, (height, width, channels), np.uint8)


def found(image, part):
    """Returns the (top, left) at which `part` lies in `image`."""
    part = np.broadcast_to(part, (*part.shape[:2], 3))
    for y, x in zip(*np.nonzero(image[..., 0] == part[0, 0, 0])):
        if np.array_equal(image[y : y + part.shape[0], x : x + part.shape[1]], part):
            return int(y), int(x)
    raise AssertionError("not there")


def test_panels_lie_pixel_for_pixel_in_rows_and_columns():
    parts = [noise(20, 30, seed=1), noise(25, 40, 1, seed=2), noise(30, 35, seed=3), noise(10, 10, seed=4)]
    image = sheet(
        [[Panel(parts[0], "one"), Panel(parts[1])], [Panel(parts[2], "three"), Panel(parts[3], "", "x")]], "T"
    )
    places = [found(image, part) for part in parts]
    assert places[0][0] == places[1][0] < places[2][0] == places[3][0]
    assert places[0][1] == places[2][1] == MARGIN and places[1][1] == places[3][1]
    assert image.dtype == np.uint8 and (image[:MARGIN] == 255).all() and (image[:, -5:] == 255).all()


@pytest.mark.parametrize(
    "more",
    [
        {"title": "a title of many words for so small an image"},
        {"note": "AVeryLongWordThatHasNoPlaceToBreakAndMustBeSeenWhole"},
        {"bar": Bar("gray", -123456.7, 1e-9)},
        {"labels": ("a label that is long", "another")},
    ],
)
def test_no_text_is_cut(more):
    """The edge stays white, also where a panel stands last in its row."""
    image = sheet([[Panel(noise(30, 12), **more)]], "T", "n")
    assert (image[:, -MARGIN // 2 :] == 255).all() and (image[-MARGIN // 2 :] == 255).all()
    plain = sheet([[Panel(noise(30, 12))]], "T", "n")
    assert image.size > plain.size


def test_a_dollar_is_a_dollar():
    one, other = (sheet([[Panel(noise(5, 5), text)]], "T") for text in ("cost $x$", "cost x"))
    assert one.shape != other.shape or not np.array_equal(one, other)


def test_the_same_is_the_same():
    rows = [[Panel(noise(20, 30), "a", "b", Bar("coolwarm", -1, 1))]]
    np.testing.assert_array_equal(sheet(rows, "T", "n"), sheet(rows, "T", "n"))


def test_rows_are_filled():
    panels = [Panel(noise(5, width)) for width in (40, 40, 60, 300, 10)]
    assert [len(row) for row in packed(panels, 140 + 2 * GAP)] == [3, 1, 1]


def test_bars_are_as_long_as_their_values():
    panel = bars([0.5, 0.25, 0.0], ["cat", "dog", "hen"], longest=1.0)
    lengths = [(row < 0.5).sum() for row in panel.image[11::22, :, 0]]
    assert lengths == [75, 38, 0]
    assert panel.labels == ("0.500  cat", "0.250  dog", "0.000  hen")


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0"), (-0.1234, "\N{MINUS SIGN}0.123"), (1234.5, "1,234"), (2e9, "2e+09"), (999.4, "999")]
)
def test_numbers(value, said):
    assert number(value) == said
