"""Yolov3: the loss of YOLO v3 at one scale."""

import numpy as np

from zoo.layers.base.families import LossType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops import yolo
from zoo.layers.ops.broadcast import add


@layer_type("Yolov3", source="eric612/Caffe-YOLOv3-Windows@master yolov3_layer.cpp:108-432")
class Yolov3(LossType):
    """Sum of squares of "delta" / N; the gradient is delta / N, times logistic' of the squashed if use_logic_gradient.

    Predictions of `num` anchors in each of S x S cells: x, y, w, h, objectness, classes, all but w and h squashed by
    the logistic function. A box of the truth goes to the anchor of all that overlaps most with it, anchors being biases
    / (S anchors_scale), and counts here if that is among the first `num` of mask; on its cell delta of x, y, w and h is
    coord_scale (2 - w h) (prediction - target), of objectness o - 1, times object_scale with use_logic_gradient, of the
    classes class_scale (p - t). Of boxes on one place the last counts for these, but for the classes the first, and
    each further one sets that of its label to 1 - p; one that follows while the first class has a delta of exactly 0
    counts as first again. Elsewhere delta of objectness is o, none where the prediction overlaps with any box by more
    than thresh.

    Bottoms: (N, num (5 + num_class), S, S), and truth (N, 300 * 5), label, x, y, w, h, where the first x of 0 ends the
    list for thresh and the first w of 0 for the rest -> top: a scalar. A box whose centre lies outside of the image
    counts for no cell; the fork writes into another's memory.
    """

    reads_bottom_in_backward = False
    bottom_count = 2
    fields = ("yolov3_param",)

    def read(self, p):
        """Reads yolov3_param."""
        self.anchors, self.classes, self.thresh = p.num, p.num_class, p.thresh
        self.scales, self.scale = (p.coord_scale, p.object_scale, p.class_scale), p.anchors_scale
        self.logic = p.use_logic_gradient
        p.no_effect("side", "noobject_scale")  # read there, and not used
        self.biases = np.array(p.biases, np.float32)[: len(p.biases) // 2 * 2].reshape(-1, 2)
        self.mask = list(p.mask)[: self.anchors]
        if self.anchors < 1 or len(self.mask) < self.anchors:
            got, want = f"{len(self.mask)} in mask", f"num, {self.anchors}, of them, 1 or more"
            raise p.error("mask needs a number for each anchor", "mask", got=got, want=want)
        if max(self.mask) >= len(self.biases):
            want = f"below {len(self.biases)}, half the number of biases"
            raise p.error("mask names an anchor that biases do not have", "mask", got=max(self.mask), want=want)

    def top_shapes(self, bottoms):
        """A scalar."""
        yolo.check(self, bottoms, self.anchors * (5 + self.classes), exact=True)
        if int(bottoms[0][3] * self.scale) < 1:
            raise self.error("anchors_scale must be above 0", "yolov3_param.anchors_scale", got=self.scale)
        return ((),)

    def build(self, site):
        """In float32, all cells at once."""
        side = site.bottoms[0][2]
        whole = int(np.float32(side) * np.float32(self.scale))
        coord, objects, class_scale = self.scales
        biases = self.biases[self.mask]

        def loss(x, gt):
            values = yolo.cells_of(x, side, self.anchors, 5 + self.classes)
            fixed = ops.stop_gradient(values)
            squashed = ops.sigmoid(fixed)
            middle, size = [squashed[..., i] for i in range(2)], [fixed[..., i] for i in (2, 3)]
            o, p, truth = squashed[..., 4], squashed[..., 5:], yolo.Truth(gt, site.bottoms[1])
            column, row = (np.float32(v.reshape(-1, 1)) for v in np.indices((side, side))[::-1])
            boxes = [add(middle[0], column) / side, add(middle[1], row) / side]
            boxes += [ops.exp(size[i]) * biases[:, i] / whole for i in range(2)]
            empty = ops.where(yolo.covered(boxes, truth, self.thresh), 0.0, o)

            keys = self._keys(truth, side)
            first, last, there = yolo.first_and_last(keys, side * side * self.anchors)
            shape = (-1, side * side, self.anchors)
            _, tx, ty, tw, th = (ops.reshape(v, shape) for v in truth.at(last))
            weight = coord * (2.0 - tw * th)
            target = [tx * side - ops.trunc(tx * side), ty * side - ops.trunc(ty * side)]
            target += [ops.log(t * whole / biases[:, i]) for i, t in enumerate((tw, th))]
            at = [weight * (v - t) for v, t in zip((*middle, *size), target)]
            at.append((o - 1.0) * (objects if self.logic else 1.0))
            begun = self._begun(first, last, keys, truth, ops.reshape(p[..., 0], (-1, first.shape[1])))
            of_class = self._of_class(begun, keys, truth, p, class_scale)
            there = ops.reshape(there, shape)
            none = ops.zeros_like(o)
            delta = [ops.where(there, a, b) for a, b in zip(at, (none, none, none, none, empty))]
            of_class = ops.where(ops.expand_dims(there, -1), of_class, ops.zeros_like(of_class))
            delta = ops.concatenate([ops.stack(delta, axis=-1), of_class], axis=-1)
            slope = squashed * (1.0 - squashed)
            slope = ops.concatenate([slope[..., :2], ops.ones_like(slope[..., 2:4]), slope[..., 4:]], axis=-1)
            return yolo.loss_with_gradient(values, delta, delta * slope if self.logic else delta)

        return loss

    def _keys(self, truth, side):
        """Returns (N,300) int32: cell * num + place in mask of each box of the truth, -1 for those that have none."""
        column, row = truth.place(side)
        cell = ops.cast(row * side + column, "int32")
        scale = np.float32(side) * np.float32(self.scale)
        best = yolo.best_anchor([(w / scale, h / scale) for w, h in self.biases], truth)
        place = ops.zeros_like(best) - 1
        for index in reversed(range(self.anchors)):
            place = ops.where(ops.equal(best, self.mask[index]), index, place)
        inside = ops.logical_and(truth.by_w, ops.logical_and(cell >= 0, cell < side * side))
        return ops.where(ops.logical_and(inside, place >= 0), cell * self.anchors + place, -1)

    def _begun(self, first, last, keys, truth, p):
        """Returns (N,cells) int32: the last box of each place that sets the classes as a first one does.

        One that is not the first does where delta of the first class is 0: always with class_scale 0; else where its
        probability, (N,cells) `p`, is 1 and the box before has that label.
        """
        if not self.scales[2]:
            return last
        number = np.arange(yolo.TRUTHS, dtype=np.int32)
        earlier = ops.logical_and(ops.equal(keys[:, :, None], keys[:, None, :]), number[:, None] > number)
        before = ops.max(ops.where(earlier, number, -1), axis=2)
        label = ops.take_along_axis(ops.trunc(truth.label), ops.maximum(before, 0), axis=1)
        again = ops.logical_and(before >= 0, ops.equal(label, 0.0))
        _, latest, there = yolo.first_and_last(ops.where(again, keys, -1), first.shape[1])
        return ops.where(ops.logical_and(there, ops.equal(p, 1.0)), latest, first)

    def _of_class(self, begun, keys, truth, p, scale):
        """Returns delta of the classes, as `p`, where there is a box: as `begun` sets them and those after it do."""
        ids, classes = (
            np.arange(begun.shape[1], dtype=np.int32)[None, :, None],
            np.arange(self.classes, dtype=np.float32),
        )
        labels = ops.trunc(truth.label)
        one_hot = ops.cast(ops.equal(labels[:, :, None], classes), "float32")
        later = 0.0
        for part in yolo.chunks():
            number = np.arange(part.start, part.stop, dtype=np.int32)
            match = ops.logical_and(ops.equal(keys[:, None, part], ids), begun[:, :, None] < number)
            later = ops.matmul(ops.cast(match, "float32"), one_hot[:, part]) + later
        shape = (-1, *p.shape[1:])
        label = ops.take_along_axis(labels, begun, axis=1)[:, :, None]
        set_at = scale * (p - ops.reshape(ops.cast(ops.equal(label, classes), "float32"), shape))
        return ops.where(ops.reshape(later, shape) > 0, 1.0 - p, set_at)
