"""Ground truth as SSD's data layer lists it: (1, 1, G, 8), the rows of all items together."""

import numpy as np

from zoo.layers.base.lazy import ops
from zoo.layers.ops.layout import to_caffe

IMAGE, LABEL, BOX, DIFFICULT = 0, 1, slice(3, 7), 7


class GroundTruth:
    """The rows of a Keras tensor (1, 1, G, 8): image, label, instance, xmin, ymin, xmax, ymax, difficult.

    They are put in the order of their images, those of an image as they come, and those that count for nothing last:
    of image -1 or of none of the batch, or difficult where those are left out.

    Attributes:
        box: four tensors (G,).
        label: (G,) int32.
        image: (G,) int32 from 0 to items - 1, or `items` where a row counts for nothing.
        wrong: a bool scalar: a row, difficult or not, is of the background.
    """

    def __init__(self, x, items, background, use_difficult):
        rows = ops.cast(ops.reshape(ops.stop_gradient(to_caffe(x)), (-1, 8)), "float32")
        image, label = (ops.cast(rows[:, i], "int32") for i in (IMAGE, LABEL))  # cut toward zero, as C casts
        self.wrong = ops.any(ops.logical_and(ops.not_equal(image, -1), ops.equal(label, background)))
        counts = ops.logical_and(image >= 0, image < items)
        if not use_difficult:
            counts = ops.logical_and(counts, ops.equal(rows[:, DIFFICULT], 0.0))
        image = ops.where(counts, image, items)
        number = rows.shape[0]
        order = ops.argsort(image * number + np.arange(number, dtype="int32"))
        self.image, self.label = ops.take(image, order), ops.take(label, order)
        self.box = [ops.take(rows[:, i], order) for i in range(BOX.start, BOX.stop)]

    def items_with_any(self, items):
        """Returns (items,) bool: which items have a row that counts."""
        numbers = ops.segment_sum(ops.ones_like(self.image), self.image, items + 1)
        return ops.slice(numbers, (0,), (items,)) > 0
