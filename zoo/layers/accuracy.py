"""Accuracy: the share of labels that are among the top_k scores."""

from zoo.layers.base.geometry import canonical_axis
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.losses import Labels, check_labels, lines_along, read_ignore_label


@layer_type("Accuracy", source="accuracy_layer.cpp:10-98")
class Accuracy(LayerType):
    """A label counts as found if fewer than top_k other classes score as much as its class or more.

    So equal scores count against the label (pessimistic; Caffe 1.0 preferred the higher class). Bottoms: scores, and
    as many labels (any shape) as there are lines along `axis` -> tops: the share of found labels, a scalar, 0 where all
    are ignored[, that share for each class, (classes,), 0 for a class without labels]. No gradient. A label that no
    class has makes the share NaN. Blobs: none.
    """

    reads_bottom_in_backward = False
    scored_bottoms = 1
    deployed = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    bottom_count = 2
    top_count = (1, 2)
    fields = ("accuracy_param",)

    def read(self, p):
        self.top_k, self.axis, self.ignore = p.top_k, p.axis, read_ignore_label(p)

    def top_shapes(self, bottoms):
        """A scalar, and (classes,)."""
        classes = bottoms[0][check_labels(self, bottoms, self.axis)]
        if self.top_k > classes:
            raise self.error("top_k exceeds the classes", "accuracy_param.top_k", got=self.top_k, want=classes)
        return ((), (classes,))[: len(self.layer.tops)]

    def lookups(self, bottoms):
        """Labels of its classes."""
        return {1: (bottoms[0][canonical_axis(self.axis, len(bottoms[0]))], self.ignore)}

    def build(self, site):
        shape = site.bottoms[0]
        axis = canonical_axis(self.axis, len(shape))
        classes = shape[axis]

        def accuracy(x, label):
            scores = lines_along(ops.stop_gradient(x), axis, len(shape))
            labels = Labels(label, classes, self.ignore)
            own = ops.take_along_axis(scores, ops.expand_dims(labels.safe, 1), axis=1)
            others = ops.sum(ops.cast(scores >= own, "int32"), axis=1) - 1
            found = labels.only(ops.cast(others < self.top_k, "float32"))
            share = ops.sum(found) / ops.maximum(labels.valid_count(), 1.0)
            if len(site.tops) == 1:
                return share
            one = labels.only(ops.ones_like(found))
            per_class = [ops.segment_sum(v, labels.safe, num_segments=classes) for v in (found, one)]
            return share, per_class[0] / ops.maximum(per_class[1], 1.0)

        return accuracy
