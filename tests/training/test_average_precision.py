"""Average precision by hand, and gathered over batches."""

import numpy as np
import pytest

from zoo.training.average_precision import DetectionRows, average_precision

SCORES, TRUE = [0.9, 0.5, 0.8, 0.7], [1, 1, 0, 1]  # by score: right, wrong, right, right


@pytest.mark.parametrize(
    "version, boxes, want",
    [
        ("Integral", 4, 0.25 * 1 + 0.25 * 2 / 3 + 0.25 * 3 / 4),
        ("MaxIntegral", 4, 0.25 * 1 + 0.5 * 3 / 4),
        ("11point", 4, (3 * 1 + 5 * 3 / 4) / 11),  # recall 0 to 0.2; 0.3 to 0.7; none from 0.8 on
        ("Integral", 0, 0),
    ],
)
def test_by_hand(version, boxes, want):
    assert average_precision(SCORES, TRUE, boxes, version) == pytest.approx(want, rel=1e-6)
    assert average_precision([], [], boxes, version) == 0


@pytest.mark.parametrize("version", ["Integral", "MaxIntegral", "11point"])
def test_all_right_is_one(version):
    assert average_precision(SCORES, [1] * 4, 4, version) == pytest.approx(1)


def test_rows_of_several_batches():
    """Boxes of a label add up, padding and difficult ones do not count, and a label without detections has 0."""
    table = DetectionRows()
    table.add(np.float32([[-1, 1, 1, -1, -1], [-1, 2, 1, -1, -1], [0, 1, 0.9, 1, 0], [-1] * 5]).reshape(1, 4, 5, 1))
    table.add(
        np.float32([[-1, 1, 1, -1, -1], [-1, 2, 0, -1, -1], [0, 1, 0.8, 0, 1], [1, 1, 0.7, 0, 0], [1, 1, 0.6, 1, 0]])
    )
    found = table.precisions("Integral")
    assert found == {1: pytest.approx(0.5 + 0.5 * 2 / 3), 2: 0.0}
