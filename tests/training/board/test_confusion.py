"""The confusion matrix as an image and as a table."""

import numpy as np

from zoo.training.board import confusion


def test_rows_are_normalised_and_those_without_items_are_left_out():
    counts = np.array([[8, 2, 0], [0, 0, 0], [1, 1, 2]])
    np.testing.assert_array_equal(confusion.accuracies(counts), [0.8, np.nan, 0.5])
    lines = confusion.table(counts, ["cat", "a|b", "ü"]).splitlines()
    assert lines[2:] == ["| ü | 4 | 0.5000 | cat (1) |", "| cat | 10 | 0.8000 | a\\|b (2) |"]


def test_what_is_on_the_diagonal_is_bright_and_what_never_happens_is_black():
    counts = np.diag([5] * 4)
    picture = confusion.image(counts, list("abcd"))
    assert picture.ndim == 3 and picture.shape[2] == 3 and max(picture.shape) < 400
    cell = 56
    first, other = (picture[-8 - cell + 6, -8 - cell + 6], picture[-8 - cell + 6, -8 - 4 * cell + 6])  # the last row
    assert first.mean() > 0.7 and other.max() < 0.02


def test_many_classes_are_an_image_of_bounded_size():
    for classes in (26, 200, 1000):
        picture = confusion.image(np.eye(classes), [str(k) for k in range(classes)])
        assert max(picture.shape) <= 620 and picture[0, 0].mean() > 5 * picture[0, -1].mean()
    assert len(confusion.table(np.eye(1000), [str(k) for k in range(1000)]).splitlines()) == confusion.ROWS + 4
