"""noise_param: each of its changes alone, and their order."""

import cv2
import numpy as np
import pytest

from zoo.formats import caffe_pb2
from zoo.input.augmentation.noise import make_noise

RNG = np.random.default_rng(2)
IMAGE = RNG.integers(0, 256, (20, 31, 3)).astype(np.uint8)
GRAY = IMAGE[:, :, :1]


def made(image=IMAGE, rng=None, **fields):
    before = image.copy()
    found = make_noise(rng or np.random.default_rng(0), image, caffe_pb2.NoiseParameter(**fields))
    assert found.shape == image.shape and found.dtype == np.uint8
    np.testing.assert_array_equal(image, before)
    return found


def test_nothing_asked_for_changes_nothing():
    np.testing.assert_array_equal(made(prob=1), IMAGE)


@pytest.mark.parametrize("image", [IMAGE, GRAY], ids=["colour", "gray"])
def test_inverse_posterize_and_erode(image):
    np.testing.assert_array_equal(made(image, inverse=True), 255 - image)
    np.testing.assert_array_equal(np.unique(made(image, posterize=True)), [32, 96, 160, 224])
    np.testing.assert_array_equal(made(image, posterize=True, inverse=True), 255 - (image // 64 * 64 + 32))
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), constant_values=255)
    cross = [padded[1:-1, 1:-1], padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
    np.testing.assert_array_equal(made(image, erode=True), np.min(cross, axis=0))


def test_decolorize():
    gray = made(decolorize=True)
    want = IMAGE @ np.array([0.114, 0.587, 0.299])
    assert np.abs(gray - want[:, :, None]).max() <= 1


def test_gauss_blur():
    weights = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    padded = np.pad(IMAGE.astype(float), ((3, 3), (3, 3), (0, 0)), mode="reflect")
    along = sum(w * padded[i : i + 20] for i, w in enumerate(weights))
    want = sum(w * along[:, i : i + 31] for i, w in enumerate(weights))
    assert np.abs(made(gauss_blur=True) - want).max() <= 2  # weights of eight bits


def test_equalised_histograms():
    values, counts = np.unique(GRAY, return_counts=True)
    spread = np.rint(255 * (np.cumsum(counts) - counts[0]) / (GRAY.size - counts[0]))
    np.testing.assert_array_equal(made(GRAY, hist_eq=True), spread[np.searchsorted(values, GRAY)])
    for name in ("hist_eq", "clahe"):
        changed = made(IMAGE // 2, **{name: True})
        assert changed.mean() > (IMAGE // 2).mean() + 20
        assert made(GRAY // 2, **{name: True}).mean() > (GRAY // 2).mean() + 20


def test_jpeg_is_of_that_quality():
    errors = [np.abs(made(jpeg=quality).astype(int) - IMAGE).mean() for quality in (100, 30.9)]
    assert errors[0] < errors[1]
    np.testing.assert_array_equal(made(jpeg=30.9), made(jpeg=30))


def test_saltpepper_replaces_a_fraction_of_the_pixels():
    salt = {"fraction": 0.1, "value": [1, 2, 3]}
    one = made(saltpepper=True, saltpepper_param=salt)
    changed = (one != IMAGE).any(2)
    assert 40 <= changed.sum() <= 62 and (one[changed] == [1, 2, 3]).all()
    np.testing.assert_array_equal(one, made(saltpepper=True, saltpepper_param=salt))
    other = made(rng=np.random.default_rng(1), saltpepper=True, saltpepper_param=salt)
    assert (one != other).any()
    gray = made(GRAY, saltpepper=True, saltpepper_param={"fraction": 0.1, "value": [7]})
    assert (gray[gray != GRAY] == 7).all() and (gray != GRAY).any()


def test_hsv_comes_last():
    found = made(inverse=True, convert_to_hsv=True)
    np.testing.assert_array_equal(found, cv2.cvtColor(255 - IMAGE, cv2.COLOR_BGR2HSV))
