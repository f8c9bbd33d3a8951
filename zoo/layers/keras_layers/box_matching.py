"""SSD's matching of ground truth whose rows are mostly padding."""

import keras
from keras import ops

from zoo.layers.ops.box_matching import match

SHARES = (16, 4)  # of the rows: where the ground truth fits one of them, no more are looked at


class BoxMatching(keras.layers.Layer):
    """`box_matching.match` of as many rows as needed; ground truth is sorted, so what counts for nothing is last.

    Args:
        items: images in the batch.
        groups, threshold: as `match` takes them.
    """

    def __init__(self, items, groups, threshold, **kwargs):
        super().__init__(dtype="float32", autocast=False, trainable=False, **kwargs)
        self.items, self.groups, self.threshold = items, groups, threshold

    def build(self, input_shape):
        """Has no variables."""

    def compute_output_spec(self, inputs):
        """Two of (groups, P)."""
        shape = (self.groups, inputs[6].shape[1])
        return [keras.KerasTensor(shape, dtype="int32"), keras.KerasTensor(shape, dtype="float32")]

    def call(self, inputs):
        """[xmin, ymin, xmax, ymax, group, image] of ground truth (G,), four sides of boxes (1 or groups, P)[, outside].

        Returns:
            [matches, best].
        """
        rows, (group, image), boxes, outside = inputs[:4], inputs[4:6], inputs[6:10], inputs[10:]
        real = ops.sum(ops.cast(image < self.items, "int32"))

        def among(limits):
            first, *rest = limits

            def found():
                few = [side[:first] for side in rows]
                more = {"threshold": self.threshold, "outside": outside[0] if outside else None}
                return list(match(few, group[:first], boxes, self.groups, **more))

            return ops.cond(real <= first, found, lambda: among(rest)) if rest else found()

        number = group.shape[0]
        return among([*(number // share for share in SHARES if number >= 64 * share), number])
