"""SegAccuracy: the scores of a segmentation, from its confusion matrix."""

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.first_largest import first_largest
from zoo.layers.ops.losses import NAN, integers, lines_along


@layer_type("SegAccuracy", source="hszhao/PSPNet@master seg_accuracy_layer.cpp:14-110, util/confusion_matrix.cpp")
class SegAccuracy(LayerType):
    """Accuracy, mean recall and mean Jaccard index of the class with the highest score; of equal ones the higher.

    The recall is averaged over classes that have a label, the Jaccard index over all, being 1 where a class is neither
    a label nor predicted. reset: false counts all batches since the net was made. `metric` is not read, as in the fork.
    Bottoms: scores (N,C,H,W), labels (N,1,H,W) -> top (1,1,1,3), NaN with a label that no class has. Blobs: none.
    """

    reads_bottom_in_backward = False
    scored_bottoms = 1
    deployed = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    bottom_count = 2
    fields = ("seg_accuracy_param",)

    def read(self, p):
        """Takes seg_accuracy_param."""
        p.no_effect("metric")
        self.ignored, self.reset = tuple(p.ignore_label), p.reset

    def top_shapes(self, bottoms):
        """Three scores. Raises NetError for labels that do not lie over the scores."""
        scores, labels = (shape + (1,) * (4 - len(shape)) for shape in bottoms)
        if not 2 <= len(bottoms[0]) <= 4 or len(bottoms[1]) > 4:
            raise self.error("SegAccuracy takes (N,C,H,W)", "bottom", got=bottoms[0], want="2 to 4 axes")
        want = (scores[0], 1, *scores[2:])
        if labels != want:
            raise self.error("each line of scores needs a label", "bottom", got=labels, want=want)
        return ((1, 1, 1, 3),)

    def forgets(self):
        """The confusion matrix, with reset: false."""
        return "" if self.reset else "the confusion matrix: each batch is scored by itself"

    def lookups(self, bottoms):
        """Labels of its classes."""
        return {1: (bottoms[0][1], self.ignored or None)}

    def build(self, site):
        """keras.ops; what is counted on from batch to batch is state of the net."""
        shape = site.bottoms[0]
        classes = shape[1]
        total = None
        if not self.reset and not site.portable:
            from zoo.layers.keras_layers.carried_state import LoadState, StoreState

            matrix, plain = [site.state("confusion", (classes, classes))], {"dtype": "float32", "autocast": False}
            total = LoadState(matrix, name=site.name, **plain), StoreState(matrix, name=f"{site.name}__keep", **plain)

        def score(x, label):
            scores = lines_along(ops.stop_gradient(x), 1, len(shape))
            truth = integers(label)
            guess = classes - 1 - ops.cast(first_largest(ops.flip(scores, axis=-1), axis=-1), "int32")
            ignored = ops.zeros_like(truth, dtype="bool")
            for one in self.ignored:
                ignored = ops.logical_or(ignored, ops.equal(truth, one))
            possible = ops.logical_and(truth >= 0, truth < classes)
            counted = ops.logical_and(possible, ops.logical_not(ignored))
            cell = ops.where(counted, truth * classes + guess, classes**2)
            counts = ops.segment_sum(ops.ones_like(cell), cell, num_segments=classes**2 + 1)[(slice(classes**2),)]
            matrix = ops.cast(ops.reshape(counts, (classes, classes)), "float32")
            if total:
                matrix = matrix + total[0](x)[0]
            wrong = ops.any(ops.logical_not(ops.logical_or(possible, ignored)))
            top = ops.reshape(ops.where(wrong, NAN, _scores(matrix)), (1, 1, 3, 1))
            return total[1]([top, matrix]) if total else top

        return score


def _scores(matrix):
    """Returns the three scores of a confusion matrix (truth, guess)."""
    hits, rows, columns = ops.diagonal(matrix), ops.sum(matrix, axis=1), ops.sum(matrix, axis=0)
    present, union = ops.cast(rows > 0, "float32"), rows + columns - hits
    accuracy = ops.sum(hits) / ops.maximum(ops.sum(rows), 1)
    recall = ops.sum(hits / ops.maximum(rows, 1)) / ops.maximum(ops.sum(present), 1)
    jaccard = ops.mean(ops.where(ops.equal(hits, union), 1.0, hits / ops.maximum(union, 1)))
    return ops.stack([accuracy, recall, jaccard])
