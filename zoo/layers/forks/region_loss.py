"""RegionLoss: the loss of YOLO v2."""

import numpy as np

from zoo.layers.base.families import LossType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops import yolo
from zoo.layers.ops.broadcast import add

PULL, WEIGHT = 12800, 0.01


@layer_type("RegionLoss", source="eric612/Caffe-YOLOv3-Windows@master region_loss_layer.cpp:119-414")
class RegionLoss(LossType):
    """Sum of squares of "delta" / N; the gradient is delta / N, with logistic' in it, and no derivative of that sum.

    Predictions of each anchor in each of S x S cells: x, y, w, h, objectness, classes. delta of x and y is
    c (s(x) - t) s'(x), of w and h c (w - t), of objectness c (o - t) o', o = s(objectness), of the classes
    class_scale (softmax - t).

    A box of the truth falls on the cell of its centre and the anchor that overlaps most with it (bias_match; else the
    predicted size): c = coord_scale, and objectness, with weight object_scale, has their overlap for target (rescore);
    without rescore c is coord_scale (2 - w h), and the target 1. Of boxes on one place the last counts. Elsewhere
    objectness has target 0 and weight noobject_scale, none where the prediction overlaps with any box by more than
    thresh; and x, y, w, h are drawn with weight 0.01 to the middle of the cell and the anchor, in the first 12800 / N
    passes. The fork counts these over all layers and nets of the process; here they are the batches that the net has
    been trained on, which a resumed run goes on with. In TEST none has been.

    Bottoms: (N, num (5 + num_class), S, S), whose channels beyond that get no gradient, and truth (N, 300 * 5), label,
    x, y, w, h, where the first x of 0 ends the list for thresh and the first w of 0 for the rest -> top: a scalar. A
    box whose centre lies outside of the image counts for no cell; the fork writes into another's memory.
    """

    reads_bottom_in_backward = False
    bottom_count = 2
    fields = ("region_loss_param",)

    def read(self, p):
        """Reads region_loss_param."""
        self.anchors, self.classes, self.length = p.num, p.num_class, p.coords + p.num_class + 1
        self.bias_match, self.rescore, self.thresh = bool(p.bias_match), bool(p.rescore), p.thresh
        self.scales = p.coord_scale, p.object_scale, p.noobject_scale, p.class_scale
        p.no_effect("side", "softmax", "jitter", "absolute", "random", "softmax_tree")  # the fork's code reads none
        p.no_effect("class_map")  # read there, and not used
        biases = np.array(p.biases, np.float32)
        if len(biases) < 10:
            hint = "the fork takes 0 for all of them then, and its loss is NaN"
            raise p.error("at least 10 biases are needed", "biases", got=len(biases), hint=hint)
        if not 1 <= self.anchors <= len(biases) // 2:
            want = f"1 to {len(biases) // 2}, as there are {len(biases)} biases"
            raise p.error("each anchor needs two biases", "num", got=self.anchors, want=want)
        if p.coords < 4 or self.classes < 1:
            raise p.error("expects at least 4 coordinates and a class", "coords" if p.coords < 4 else "num_class")
        self.biases = biases[: 2 * self.anchors].reshape(-1, 2)

    def top_shapes(self, bottoms):
        """A scalar."""
        yolo.check(self, bottoms, self.anchors * self.length, exact=False)
        return ((),)

    def build(self, site):
        """In float32, all cells at once."""
        number, _, side, _ = site.bottoms[0]
        coord, objects, no_objects, classes = self.scales

        def loss(x, gt):
            values = yolo.cells_of(x, side, self.anchors, self.length)
            fixed = ops.stop_gradient(values)
            offsets = [fixed[..., i] for i in range(4)]
            middle = [ops.sigmoid(v) for v in offsets[:2]]
            o, truth = ops.sigmoid(fixed[..., 4]), yolo.Truth(gt, site.bottoms[1])
            probability = ops.softmax(fixed[..., 5 : 5 + self.classes], axis=-1)
            sizes = [ops.exp(offsets[2 + i]) * self.biases[:, i] / side for i in range(2)]

            def delta_box(weight, target, logs):
                moved = [weight * (s - t) * s * (1.0 - s) for s, t in zip(middle, target)]
                return [*moved, *(weight * (v - log) for v, log in zip(offsets[2:], logs))]

            column, row = (np.float32(v.reshape(-1, 1)) for v in np.indices((side, side))[::-1])
            boxes = [add(middle[0], column) / side, add(middle[1], row) / side, *sizes]
            empty = ops.where(yolo.covered(boxes, truth, self.thresh), 0.0, no_objects * o * o * (1.0 - o))
            pulled = [ops.zeros_like(v) for v in offsets]
            if site.clock is None:
                pulled = delta_box(WEIGHT, (0.5, 0.5), (0.0, 0.0))
            elif number:
                early = ops.cast(ops.less(ops.convert_to_tensor(site.clock), PULL // number), "float32")
                pulled = [early * v for v in delta_box(WEIGHT, (0.5, 0.5), (0.0, 0.0))]

            _, last, there = yolo.first_and_last(self._keys(truth, sizes, side), side * side * self.anchors)
            shape = (-1, side * side, self.anchors)
            label, tx, ty, tw, th = (ops.reshape(v, shape) for v in truth.at(last))
            there = ops.reshape(there, shape)
            i, j = ops.trunc(tx * side), ops.trunc(ty * side)
            logs = [ops.log(t * side / self.biases[:, k]) for k, t in enumerate((tw, th))]
            weight = coord if self.rescore else coord * (2.0 - tw * th)
            at = delta_box(weight, (tx * side - i, ty * side - j), logs)
            target = 1.0
            if self.rescore:
                target = yolo.overlap(((middle[0] + i) / side, (middle[1] + j) / side, *sizes), (tx, ty, tw, th))
            kept = objects * (o - target) * o * (1.0 - o)
            one_hot = ops.equal(ops.expand_dims(ops.trunc(label), -1), np.arange(self.classes, dtype=np.float32))
            of_class = classes * (probability - ops.cast(one_hot, "float32"))
            delta = [ops.where(there, a, b) for a, b in zip((*at, kept), (*pulled, empty))]
            of_class = ops.where(ops.expand_dims(there, -1), of_class, ops.zeros_like(of_class))
            rest = ops.zeros_like(fixed[..., 5 + self.classes :])
            delta = ops.concatenate([ops.stack(delta, axis=-1), of_class, rest], axis=-1)
            return yolo.loss_with_gradient(values, delta, delta)

        return loss

    def _keys(self, truth, sizes, side):
        """Returns (N,300) int32: cell * anchors + anchor of each box of the truth, -1 for those that have none."""
        column, row = truth.place(side)
        cell = ops.cast(row * side + column, "int32")
        inside = ops.logical_and(truth.by_w, ops.logical_and(cell >= 0, cell < side * side))
        cell = ops.where(inside, cell, 0)
        of = [(w / side, h / side) for w, h in self.biases]
        if not self.bias_match:
            of = [[ops.take_along_axis(v[:, :, n], cell, axis=1) for v in sizes] for n in range(self.anchors)]
        best = ops.maximum(yolo.best_anchor(of, truth), 0)
        return ops.where(inside, cell * self.anchors + best, -1)
