"""The mean average precision of a test: what SSD's solver makes of the rows that DetectionEvaluate gives.

weiliu89/caffe@ssd solver.cpp:431-545, bbox_util.cpp:1996-2080.
"""

import numpy as np

EPSILON = np.float32(1e-6)


class DetectionRows:
    """The rows of one output, gathered over the batches of a test.

    A row: -1, label, boxes, -1, -1 for a class of a batch; else image, label, score, 1 if true, 1 if false. Rows whose
    first two numbers are -1 are padding.
    """

    def __init__(self):
        self._boxes, self._found = {}, []

    def add(self, rows):
        """Adds the rows (..., 5) of a batch."""
        rows = np.asarray(rows, np.float32).reshape(-1, 5)
        rows = rows[(rows[:, 0] != -1) | (rows[:, 1] != -1)]
        for _, label, boxes, *_ in rows[rows[:, 0] == -1].astype(int).tolist():
            self._boxes[label] = self._boxes.get(label, 0) + boxes
        self._found.append(rows[rows[:, 0] != -1])

    def precisions(self, version="Integral"):
        """Returns {label: average precision} of every label that the test knows of."""
        found = np.concatenate(self._found) if self._found else np.zeros((0, 5), np.float32)
        found = found[(found[:, 3] != 0) | (found[:, 4] != 0)]  # a difficult box that does not count gives neither
        return {
            label: average_precision(found[found[:, 1] == label, 2], found[found[:, 1] == label, 3], boxes, version)
            for label, boxes in sorted(self._boxes.items())
        }


def average_precision(scores, true, boxes, version="Integral"):
    """Returns the average precision of one class.

    Args:
        scores: (D,) of the detections.
        true: (D,), 1 where a detection is right.
        boxes: how many there are to find.
        version: "11point" (VOC 2007): the mean of the best precision at a recall of 0, 0.1, ..., 1 or more;
            "MaxIntegral" (VOC 2012): the area under the precision made monotonic; "Integral": under it as it is.
    """
    if not len(scores) or not boxes:
        return 0.0
    right = np.cumsum(np.asarray(true)[np.argsort(-np.asarray(scores), kind="stable")] != 0)
    precision = (right / np.arange(1, len(right) + 1)).astype(np.float32)
    recall = (right / boxes).astype(np.float32)
    if version == "11point":
        return float(sum(precision[recall >= step / 10].max(initial=0) / 11 for step in range(11)))
    if version == "MaxIntegral":
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    gains = np.diff(recall, prepend=np.float32(0))
    return float(np.sum(np.where(np.abs(gains) > EPSILON, precision * gains, 0)))
