"""The boxes that YOLO finds, thinned out in one list for all items: of v2 and of v3."""

import numpy as np

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops import suppression
from zoo.layers.ops.broadcast import add
from zoo.layers.ops.first_largest import first_largest
from zoo.layers.ops.yolo import cells_of

EXCLUDED = -float("inf")  # the score of what is no candidate


class _YoloBoxes(LayerType):
    """Boxes by descending score, without those that overlap with a better one by nms_threshold or more.

    Neither class nor item counts there. Top (1,1,M,7): 0, class + 1, score, xmin, ymin, xmax, ymax; a batch with
    nothing has a row (i, -1, -1, ...) for each item. Of equal scores the first in the order of bottoms, items, cells
    and anchors comes first (the fork's sort leaves it open). No gradient, no blobs. In the graph the top has as many
    rows as there are anchors, and rows of -1 behind.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = True
    pixel_map = None
    padded_axis = 2

    def _read(self, p):
        """Reads what both messages have."""
        if not p.has("num_classes") or p.num_classes < 1:
            raise p.error("num_classes must be given", "num_classes")
        self.classes, self.anchors = p.num_classes, p.num_box
        if self.anchors < 1:
            raise p.error("num_box must be above 0", "num_box", got=self.anchors)
        self.least, self.threshold = np.float32(p.confidence_threshold), np.float32(p.nms_threshold)
        self.biases = np.array(p.biases, np.float32)[: len(p.biases) // 2 * 2].reshape(-1, 2)

    def _check_anchors(self, p, field, most):
        if most >= len(self.biases):
            got, want = f"{len(self.biases)} pairs of biases", f"{most + 1} pairs or more"
            raise p.error("there are more anchors than biases", field, got=got, want=want)

    def _check(self, bottoms, length):
        values = self.anchors * length
        for index, shape in enumerate(bottoms):
            if len(shape) != 4 or shape[1] != values or shape[2] != shape[3] or shape[0] != bottoms[0][0]:
                want = f"({bottoms[0][0]}, {values}, S, S)"
                raise self.error(f"bottom {index} does not fit the layer", "bottom", got=shape, want=want)
        return ((1, 1, sum(n * self.anchors * h * w for n, _, h, w in bottoms), 7),)

    def fixes_batch(self, bottoms):
        """Its rows are of all items together."""
        return f'layer "{self.layer.name}" puts the boxes of all items into one list'

    def _boxes(self, values, biases, side, size):
        """Returns (x, y, w, h) in parts of the image, (N,S*S,A) each, of predictions (N,S*S,A,length)."""
        column, row = (np.float32(v.reshape(-1, 1)) for v in np.indices((side, side))[::-1])
        x, y = (add(ops.sigmoid(values[..., i]), place) / side for i, place in enumerate((column, row)))
        return x, y, *(ops.exp(values[..., i]) * biases[:, i - 2] / size for i in (2, 3))

    def _rows(self, parts, site):
        """Returns the top from a list of (scores, labels, x, y, w, h), which gives (N,S*S,A) each for each bottom."""
        items = site.bottoms[0][0]
        columns = [ops.concatenate([ops.reshape(v, (1, -1)) for v in of_all], axis=1) for of_all in zip(*parts)]
        order = ops.argsort(-columns[0], axis=1)
        score, label, x, y, w, h = (ops.take_along_axis(v, order, axis=1) for v in columns)
        boxes = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        kept = self._kept(boxes, ops.cast(score > EXCLUDED, "float32"), site) > 0
        order = ops.argsort(ops.cast(ops.logical_not(kept), "int32"), axis=1)
        table = [ops.where(kept, v, -1.0) for v in (ops.zeros_like(x), label + 1.0, score, *boxes)]
        number = ops.cumsum(ops.ones_like(x), axis=1) - 1.0
        filler = ops.where(ops.logical_or(ops.any(kept), number >= items), -1.0, number)
        table[0] = ops.where(kept, table[0], filler)
        table = [ops.take_along_axis(v, order, axis=1) for v in table]
        return ops.expand_dims(ops.stack(table, axis=2), 3)

    def _kept(self, boxes, allowed, site):
        if self.threshold <= 0:  # the best box leaves no other
            return allowed * ops.cast(ops.equal(ops.cumsum(allowed, axis=1), 1.0), "float32")
        below = float(np.nextafter(self.threshold, np.float32(-1)))  # what reaches the threshold goes too
        if site.portable:
            return suppression.keep(boxes, allowed, below)
        from zoo.layers.keras_layers.suppression import Suppression

        return Suppression(below, 0.0, None, name=site.name)(boxes, allowed)


@layer_type("YoloDetectionOutput", source="eric612/Caffe-YOLOv3-Windows@master yolo_detection_output_layer.cpp:154-353")
class YoloDetectionOutput(_YoloBoxes):
    """Boxes of YOLO v2: x, y = (cell + s(v)) / S, w, h = exp(v) bias / S, score = s(objectness) max softmax.

    Those of a score of confidence_threshold or more are candidates. Bottoms: one or two of (N, num_box (5 + classes),
    S, S), the second of another scale with the same anchors -> top as the base class says.
    """

    no_gradient_bottoms = (0, 1)
    bottom_count = (1, 2)
    fields = ("yolo_detection_output_param",)

    def read(self, p):
        """Reads yolo_detection_output_param."""
        self._read(p)
        self._check_anchors(p, "biases", self.anchors - 1)
        p.no_effect("side", "coords", "label_map_file")  # the first two are not used, names are for files

    def top_shapes(self, bottoms):
        """(1, 1, all anchors, 7)."""
        return self._check(bottoms, 5 + self.classes)

    def build(self, site):
        """In float32."""

        def part(x, side):
            values = cells_of(ops.stop_gradient(x), side, self.anchors, 5 + self.classes)
            probability = ops.softmax(values[..., 5:], axis=-1)
            score = ops.sigmoid(values[..., 4]) * ops.max(probability, axis=-1)
            score = ops.where(score >= self.least, score, EXCLUDED)
            label = ops.cast(first_largest(probability, axis=-1), "float32")
            return score, label, *self._boxes(values, self.biases[: self.anchors], side, side)

        return lambda *xs: self._rows([part(x, shape[3]) for x, shape in zip(xs, site.bottoms)], site)


@layer_type(
    "Yolov3DetectionOutput", source="eric612/Caffe-YOLOv3-Windows@master yolov3_detection_output_layer.cpp:170-387"
)
class Yolov3DetectionOutput(_YoloBoxes):
    """Boxes of YOLO v3: x, y = (cell + s(v)) / S, w, h = exp(v) bias / (S anchors_scale), score = s(object) s(class).

    Each class whose score is above confidence_threshold is a candidate; as those of one box overlap wholly, the best of
    them alone is followed up (all of them where nms_threshold is above 0.99). Bottoms: mask_group_num of
    (N, num_box (5 + classes), S, S); anchor n of bottom t is number mask[t * size + n], size = its length /
    mask_group_num -> top as the base class says.
    """

    no_gradient_bottoms = tuple(range(16))
    bottom_count = (1, None)
    fields = ("yolov3_detection_output_param",)

    def read(self, p):
        """Reads yolov3_detection_output_param."""
        self._read(p)
        mask, groups, self.scales = list(p.mask), p.mask_group_num, list(p.anchors_scale)
        if len(self.layer.bottoms) != groups:
            raise p.error("there must be a bottom for each group of mask", "mask_group_num", got=groups)
        if len(self.scales) < groups or 0 in self.scales:
            raise p.error("anchors_scale needs a number above 0 for each bottom", "anchors_scale", got=self.scales)
        size = len(mask) // groups
        self.masks = [mask[t * size : t * size + self.anchors] for t in range(groups)]
        if len(self.masks[-1]) < self.anchors:
            want = f"{self.anchors} for each of {groups} bottoms"
            raise p.error("mask has too few numbers", "mask", got=len(mask), want=want)
        self._check_anchors(p, "mask", max(map(max, self.masks)))

    def top_shapes(self, bottoms):
        """(1, 1, all anchors, 7), times the classes where all are followed up."""
        ((_, _, rows, _),) = self._check(bottoms, 5 + self.classes)
        return ((1, 1, rows * (self.classes if self.follows_all else 1), 7),)

    @property
    def follows_all(self):
        """Whether every class of an anchor is followed up."""
        return self.threshold > 0.99

    def build(self, site):
        """In float32."""

        def part(t, x):
            side = site.bottoms[t][3]
            values = cells_of(ops.stop_gradient(x), side, self.anchors, 5 + self.classes)
            scores = ops.sigmoid(values[..., 5:]) * ops.sigmoid(values[..., 4:5])
            scores = ops.where(scores > self.least, scores, EXCLUDED)
            boxes = self._boxes(values, self.biases[self.masks[t]], side, side * self.scales[t])
            if self.follows_all:
                none = ops.zeros_like(scores)
                boxes = [add(none, ops.expand_dims(v, -1)) for v in boxes]
                return scores, add(none, np.arange(self.classes, dtype=np.float32)), *boxes
            return ops.max(scores, axis=-1), ops.cast(first_largest(scores, axis=-1), "float32"), *boxes

        return lambda *xs: self._rows([part(t, x) for t, x in enumerate(xs)], site)
