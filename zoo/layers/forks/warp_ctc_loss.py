"""WarpCTCLoss: how unlikely a line of labels is, over all ways to read it from the steps of a sequence."""

import numpy as np

from zoo.layers.base.families import LossType
from zoo.layers.base.geometry import count
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import to_caffe
from zoo.layers.ops.losses import NAN


@layer_type("WarpCTCLoss", source="senlinuc/caffe_ocr@master warp_ctc_loss_layer.cpp:10-330, detail/cpu_ctc.h:120-470")
class WarpCTCLoss(LossType):
    """The mean over lines of -log of the probability that the softmax of a sequence reads as the line.

    A reading is a class for each step; repetitions, then blanks, are left out of it. A line that no reading of its
    sequence can give, of more labels and repetitions than steps, costs 0. One whose sequence has no steps is left out;
    with none left the loss is 0/0. The gradient is that of the sum, not of the mean, and does not know the loss weight,
    as the original writes it in the forward pass.

    Bottom 0 (T,N,C[,1]), and then one of: labels (N,L), without the blanks in them; marks (T,N), the sequence ends
    before the first 0 that follows step 0, and labels (T,N) up to the first that is negative, one below their class
    where the blank is class 0; lengths of sequences (N) and of lines (N), and labels (L,N). Top: a scalar. No blobs.
    """

    reads_bottom_in_backward = False
    bottom_count = (2, 4)
    no_gradient_bottoms = (1, 2, 3)
    fields = ("ctc_loss_param",)

    def read(self, p):
        """Reads ctc_loss_param. Raises NetError for a blank that is no class."""
        self.blank = p.blank_index
        if self.blank < 0:
            raise p.error("blank_index must be a class", "blank_index", got=self.blank, want="0 or more")
        p.no_effect("output_delay", "preprocess_collapse_repeated", "ctc_merge_repeated", "loss_calculation_t")
        weights = self.layer.message.loss_weight
        self.weight = weights[0] if weights else self.default_loss_weight

    def top_shapes(self, bottoms):
        """A scalar."""
        scores, labels = bottoms[0], bottoms[-1]
        if len(scores) < 3 or count(scores, 3) != 1:
            raise self.error("WarpCTCLoss takes (T,N,C)", "bottom", got=scores, want="3 axes")
        steps, items, classes = scores[:3]
        if self.blank >= classes:
            field, want = "ctc_loss_param.blank_index", f"below {classes}"
            raise self.error("blank_index must be a class", field, got=self.blank, want=want)
        axis, want = (0, "(N,L)") if len(bottoms) == 2 else (1, "(T,N)" if len(bottoms) == 3 else "(L,N)")
        if len(labels) < 2 or labels[axis] != items or count(labels, 2) != 1 or labels[1 - axis] < 1:
            raise self.error(f"labels are {want} for {items} items", "bottom", got=labels)
        if len(bottoms) == 3 and (bottoms[1][:2] != (steps, items) or labels[0] != steps):
            raise self.error("marks and labels are (T,N)", "bottom", got=bottoms[1:], want=(steps, items))
        if len(bottoms) == 4 and not count(bottoms[1]) == count(bottoms[2]) == items:
            raise self.error("there is a length for each item", "bottom", got=bottoms[1:3], want=(items,))
        return ((),)

    def fixes_batch(self, bottoms):
        """Axis 0 is time."""
        return f'axis 0 is time in layer "{self.layer.name}"'

    def build(self, site):
        """keras.ops; float32."""
        steps, items, classes = site.bottoms[0][:3]
        rows = {2: _of_lines, 3: _of_marks, 4: _of_lengths}[len(site.bottoms)]

        def loss(x, *given):
            scores = ops.transpose(ops.reshape(ops.cast(to_caffe(x), "float32"), (steps, items, classes)), (1, 0, 2))
            given = [to_caffe(ops.stop_gradient(each)) for each in given]
            labels, wanted, length = rows(given, self.blank, steps, items)
            inside = ops.expand_dims(wanted, 1) > np.arange(labels.shape[1], dtype=np.int32)
            strange = ops.logical_or(labels < 0, labels >= classes)
            strange = ops.logical_or(strange, ops.equal(labels, self.blank))
            wrong = ops.any(ops.logical_and(inside, strange), axis=1)
            wrong = ops.logical_or(wrong, wanted > labels.shape[1])
            same = ops.logical_and(inside[:, 1:], ops.equal(labels[:, 1:], labels[:, :-1]))
            needed = wanted + ops.sum(ops.cast(same, "int32"), axis=1)
            counts = length > 0
            readable = ops.logical_and(ops.logical_and(counts, needed <= length), ops.logical_not(wrong))
            # What the kernel is given can always be read.
            safe = ops.where(ops.logical_and(inside, ops.logical_not(strange)), labels, (self.blank + 1) % classes)
            sizes = ops.where(readable, wanted, 0), ops.where(readable, length, steps)
            costs = ops.ctc_loss(safe, scores, *sizes, mask_index=self.blank)
            costs = ops.where(readable, costs, 0.0)
            total = ops.sum(costs)
            value = ops.stop_gradient(total) / ops.sum(ops.cast(counts, "float32"))
            value = ops.where(ops.any(wrong), NAN, value)
            return value + (total - ops.stop_gradient(total)) / (self.weight or 1.0)

        return loss


def _of_lines(given, blank, steps, items):
    """Returns (labels (N,L), how many (N), steps (N)), all int32: labels (N,L) moved together over blanks."""
    labels = ops.cast(ops.reshape(given[0], (items, -1)), "int32")
    kept = ops.not_equal(labels, blank)
    order = ops.argsort(ops.cast(ops.logical_not(kept), "int32") * labels.shape[1] + _places(labels), axis=1)
    labels = ops.take_along_axis(labels, order, axis=1)
    return labels, ops.sum(ops.cast(kept, "int32"), axis=1), np.full(items, steps, np.int32)


def _of_marks(given, blank, steps, items):
    """As `_of_lines`, of marks (T,N) and labels (T,N); a line without labels is a sequence without steps."""
    marks, labels = (ops.transpose(ops.reshape(each, (steps, items))) for each in given)
    ends = ops.logical_and(ops.equal(ops.cast(marks + 0.5, "int32"), 0), np.greater(_places(marks), 0))
    length = ops.min(ops.where(ends, _places(marks), steps), axis=1)
    wanted = ops.min(ops.where(labels < 0, _places(labels), steps), axis=1)
    labels = ops.cast(labels + 0.5, "int32") + (1 if blank == 0 else 0)
    # The fork stops where a line is longer than its sequence, or empty and its sequence is not.
    wrong = ops.logical_or(wanted > length, ops.logical_and(ops.equal(wanted, 0), length > 1))
    return labels, ops.where(wrong, steps + 1, wanted), ops.where(ops.equal(wanted, 0), 0, length)


def _of_lengths(given, blank, steps, items):
    """As `_of_lines`, of lengths of sequences (N) and of lines (N), and labels (L,N)."""
    length, wanted = (ops.cast(ops.reshape(each, (items,)), "int32") for each in given[:2])
    labels = ops.transpose(ops.reshape(ops.cast(given[2], "int32"), (-1, items)))
    # No sequence is longer than bottom 0; the fork would read on behind it.
    return labels, ops.where(length > steps, labels.shape[1] + 1, wanted), length


def _places(x):
    return np.broadcast_to(np.arange(x.shape[1], dtype=np.int32), x.shape)
