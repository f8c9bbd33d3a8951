"""Boxes cut and warped, against a reference implementation that goes value by value."""

import cv2
import numpy as np
import pytest

from tests.input.small_data import layer, pictures
from zoo.errors import DataError, NetError
from zoo.input.window_crop import Cut, cut

F = np.float32


def c_round(value):
    return int(np.trunc(np.float64(value) + np.copysign(0.5, value)))


def slowly(image, corners, mirror, how):
    """window_data_layer.cpp:291-410, one value after the other."""
    size = how.size
    x1, y1, x2, y2 = corners
    out_w = out_h = size
    pad_w = pad_h = 0
    if how.context or how.square:
        context_scale = F(size) / F(size - 2 * how.context)
        half_h, half_w = F(F(y2 - y1 + 1) / 2.0), F(F(x2 - x1 + 1) / 2.0)
        center_x, center_y = F(F(x1) + half_w), F(F(y1) + half_h)
        if how.square:
            if half_h > half_w:
                half_w = half_h
            else:
                half_h = half_w
        x1, x2 = c_round(center_x - half_w * context_scale), c_round(center_x + half_w * context_scale)
        y1, y2 = c_round(center_y - half_h * context_scale), c_round(center_y + half_h * context_scale)
        whole_h, whole_w = y2 - y1 + 1, x2 - x1 + 1
        pad_x1, pad_y1 = max(0, -x1), max(0, -y1)
        pad_x2, pad_y2 = max(0, x2 - image.shape[1] + 1), max(0, y2 - image.shape[0] + 1)
        x1, x2, y1, y2 = x1 + pad_x1, x2 - pad_x2, y1 + pad_y1, y2 - pad_y2
        scale_x, scale_y = F(size) / F(whole_w), F(size) / F(whole_h)
        out_w, out_h = c_round(F(x2 - x1 + 1) * scale_x), c_round(F(y2 - y1 + 1) * scale_y)
        pad_h = c_round(F(pad_y1) * scale_y)
        pad_w = c_round(F(pad_x2) * scale_x) if mirror else c_round(F(pad_x1) * scale_x)
        out_h = min(out_h, size - pad_h)
        out_w = min(out_w, size - pad_w)
    part = cv2.resize(image[y1 : y2 + 1, x1 : x2 + 1], (out_w, out_h))
    if mirror:
        part = cv2.flip(part, 1)
    out = np.zeros((size, size, 3), F)
    for h in range(out_h):
        for w in range(out_w):
            for c in range(3):
                pixel = F(part[h, w, c])
                if how.mean is not None and how.mean.ndim == 3:
                    off = (how.mean.shape[1] - size) // 2
                    pixel -= how.mean[h + off + pad_h, w + off + pad_w, c]
                elif how.mean is not None:
                    pixel -= how.mean[c % how.mean.size]
                out[h + pad_h, w + pad_w, c] = pixel * F(how.scale)
    return out


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("context", [0, 1, 3])
@pytest.mark.parametrize("mirror", [False, True])
def test_any_box(square, context, mirror):
    rng = np.random.default_rng(context)
    image = pictures(1, 23, 31, 3, seed=5)[0]
    means = [None, np.array([7.5], F), np.array([1, 2, 3], F), rng.random((13, 16, 3)).astype(F)]
    edges = set()
    for number in range(60):
        (x1, x2), (y1, y2) = np.sort(rng.integers(0, 31, 2)), np.sort(rng.integers(0, 23, 2))
        how = Cut(11, context, square, F(0.3), means[number % 4])
        got = cut(image, (x1, y1, x2, y2), mirror, how)
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, slowly(image, (int(x1), int(y1), int(x2), int(y2)), mirror, how))
        edges |= {side for side, line in enumerate((got[0], got[-1], got[:, 0], got[:, -1])) if not line.any()}
    if square or context > 1:
        assert edges == {0, 1, 2, 3}, "no box reached beyond every side"


def test_warped_whole():
    image = pictures(1, 9, 14, 3)[0]
    got = cut(image, (2, 1, 8, 7), False, Cut(5))
    np.testing.assert_array_equal(got, cv2.resize(image[1:8, 2:9], (5, 5)))


def test_context_shows_what_lies_around():
    """A box of 4 x 4 with 2 of 8 values of context on each side shows 8 x 8 of the image, and one more, as in C."""
    image = pictures(1, 20, 20, 3)[0]
    got = cut(image, (8, 8, 11, 11), False, Cut(8, context=2))
    np.testing.assert_array_equal(got, cv2.resize(image[6:15, 6:15], (8, 8)))


def test_beyond_the_image_is_zero_even_under_a_mean():
    image = np.full((10, 10, 3), 200, np.uint8)
    got = cut(image, (0, 3, 3, 6), False, Cut(8, context=2, mean=np.array([50], F)))
    assert not got[:, :2].any() and (got[:, 2:] == 150).all()
    flipped = cut(image, (0, 3, 3, 6), True, Cut(8, context=2, mean=np.array([50], F)))
    np.testing.assert_array_equal(flipped[:, ::-1].any((0, 2)), got.any((0, 2)))


@pytest.mark.parametrize(
    "corners", [(5, 1, 4, 3), (0, 0, 14, 3), (-1, 0, 3, 3), (0, 4, 3, 3), (0, 0, 3, 9), (20, 2, 24, 5)]
)
def test_boxes_outside(corners):
    image = pictures(1, 9, 14, 3)[0]
    with pytest.raises(DataError, match=r"does not lie in its image, got \(.*want corners within 14 x 9 .W x H"):
        cut(image, corners, False, Cut(5))


def test_a_box_far_outside_with_context():
    with pytest.raises(DataError, match="does not lie in its image"):
        cut(pictures(1, 9, 14, 3)[0], (60, 2, 64, 5), False, Cut(7, context=2))


@pytest.mark.parametrize(
    "how, error, said",
    [
        (Cut(8, context=4), NetError, "context_pad leaves nothing of the box, got 4, want less than 4"),
        (Cut(8, mean=np.zeros(2, F)), DataError, "wrong number of mean_value, got 2, want 1 or 3"),
        (Cut(8, mean=np.zeros((8, 7, 3), F)), DataError, r"does not cover the crop, got \(3, 8, 7\)"),
        (Cut(8, mean=np.zeros((9, 14, 3), F)), DataError, "does not cover the crop"),
        (Cut(8, mean=np.zeros((9, 9, 1), F)), DataError, "does not cover the crop"),
    ],
)
def test_what_cannot_be_cut(how, error, said):
    with pytest.raises(error, match=f'layer "d" .WindowData.: .*{said}'):
        how.check(layer('name: "d" type: "WindowData"'))


def test_what_can():
    Cut(8, 3, mean=np.zeros((8, 8, 3), F)).check(layer('name: "d" type: "WindowData"'))
