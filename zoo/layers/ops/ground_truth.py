"""Ground truth as SSD's data layer lists it: (1, 1, G, 8), the rows of all items together."""

from zoo.layers.base.lazy import ops
from zoo.layers.ops.layout import to_caffe

IMAGE, LABEL, BOX, DIFFICULT = 0, 1, slice(3, 7), 7


class GroundTruth:
    """The rows of a Keras tensor (1, 1, G, 8): image, label, instance, xmin, ymin, xmax, ymax, difficult.

    Attributes:
        box: four tensors (G,).
        label: (G,) int32.
        image: (G,) int32 from 0 to items - 1, or `items` where a row counts for nothing: its image is -1, or none of
            the batch, or it is difficult and those are left out.
        wrong: a bool scalar: a row, difficult or not, is of the background.
    """

    def __init__(self, x, items, background, use_difficult):
        rows = ops.cast(ops.reshape(ops.stop_gradient(to_caffe(x)), (-1, 8)), "float32")
        image, self.label = (ops.cast(rows[:, i], "int32") for i in (IMAGE, LABEL))  # cut toward zero, as C casts
        self.box = [rows[:, i] for i in range(BOX.start, BOX.stop)]
        given = ops.not_equal(image, -1)
        self.wrong = ops.any(ops.logical_and(given, ops.equal(self.label, background)))
        counts = ops.logical_and(image >= 0, image < items)
        if not use_difficult:
            counts = ops.logical_and(counts, ops.equal(rows[:, DIFFICULT], 0.0))
        self.image = ops.where(counts, image, items)

    def items_with_any(self, items):
        """Returns (items,) bool: which items have a row that counts."""
        numbers = ops.segment_sum(ops.ones_like(self.image), self.image, items + 1)
        return ops.slice(numbers, (0,), (items,)) > 0
