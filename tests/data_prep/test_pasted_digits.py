"""Digits pasted on photographs: every box bounds its digit, and no two overlap."""

import csv

import cv2
import numpy as np
import pytest

from data_prep import pasted_digits


@pytest.fixture
def digits():
    images = np.zeros((4, 28, 28), np.uint8)
    images[:, 6:22, 9:20] = 255
    return images, np.arange(4)


def test_boxes_bound_the_digits(digits):
    rng = np.random.default_rng(0)
    black = [np.zeros((120, 100, 3), np.uint8)]
    for _ in range(20):
        image, boxes = pasted_digits.made(rng, black, *digits)
        assert image.shape == (96, 96, 3)
        inked = image.max(axis=2) > 100
        for _, x1, y1, x2, y2 in boxes:
            assert inked[y1:y2, x1:x2].mean() > 0.8
            inked[y1:y2, x1:x2] = False
        assert not inked.any()


def test_a_set_of_them(tmp_path, digits):
    boxes = pasted_digits.write(
        tmp_path / "train", 5, np.random.default_rng(1), [np.full((50, 60, 3), 9, np.uint8)], *digits
    )
    with open(tmp_path / "train" / "boxes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == boxes and {row["label"] for row in rows} <= {f"digit {k}" for k in range(4)}
    assert cv2.imread(str(tmp_path / "train" / rows[0]["image"])).shape == (96, 96, 3)
