"""CTCGreedyDecoder: the likeliest label of each step without blanks and repetitions, or how well it fits."""

import numpy as np

from zoo.layers.base.geometry import count
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.first_largest import first_largest
from zoo.layers.ops.layout import from_caffe, to_caffe


@layer_type("CTCGreedyDecoder", source="senlinuc/caffe_ocr@master ctc_decoder_layer.cpp:9-330")
class CTCGreedyDecoder(LayerType):
    """The highest class of each step (the first of equal ones) where it is not blank, nor, merging, the step before's.

    blank_index below 0 means the last class. One bottom (T,N,C) -> (N,T,1,1), the labels and then -1. Two, the second
    labels (N[,L]) up to a negative one, blanks left out -> (1,2,1,1): 1 minus the mean of the edit distance over the
    longer length, and the share of lines without a mistake (an empty line that should be empty is none). No gradient.
    Blobs: none.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = True
    no_gradient_bottoms = ()
    pixel_map = None
    bottom_count = (1, 2)
    fields = ("ctc_decoder_param",)

    def read(self, p):
        """Takes ctc_decoder_param."""
        self.blank, self.merge = p.blank_index, p.ctc_merge_repeated

    def top_shapes(self, bottoms):
        """(N,T,1,1), or (1,2,1,1) with labels. Raises NetError for bottoms that are none such."""
        shape = bottoms[0]
        if len(shape) < 3 or count(shape, 3) != 1:
            raise self.error("CTCGreedyDecoder takes (T,N,C)", "bottom", got=shape, want="3 axes")
        if len(bottoms) == 1:
            return ((shape[1], shape[0], 1, 1),)
        if bottoms[1][:1] != (shape[1],) or count(bottoms[1], 2) != 1:
            raise self.error("there is a line of labels for each item", "bottom", got=bottoms[1], want=(shape[1], "L"))
        return ((1, 2, 1, 1),)

    def fixes_batch(self, bottoms):
        """Axis 0 is time."""
        return f'axis 0 is time in layer "{self.layer.name}"'

    def build(self, site):
        """keras.ops; labels are packed and compared as one-hot places."""
        steps, items, classes = site.bottoms[0][:3]
        blank = self.blank if self.blank >= 0 else classes - 1

        def decode(x, labels=None):
            scores = ops.reshape(to_caffe(ops.stop_gradient(x)), (steps, items, classes))
            best = ops.transpose(ops.cast(first_largest(scores, axis=-1), "int32"))
            kept = ops.not_equal(best, blank)
            if self.merge:
                before = ops.concatenate([ops.full_like(best[:, :1], -1), best[:, :-1]], axis=1)
                kept = ops.logical_and(kept, ops.not_equal(best, before))
            line, length = _packed(best, kept)
            if labels is None:
                return from_caffe(ops.reshape(ops.cast(line, "float32"), (items, steps, 1, 1)))
            given = ops.reshape(to_caffe(ops.stop_gradient(labels)), (items, -1))
            going = ops.equal(ops.cumsum(ops.cast(given < 0, "int32"), axis=1), 0)
            truth = ops.cast(given + 0.5, "int32")
            target, wanted = _packed(truth, ops.logical_and(going, ops.not_equal(truth, blank)))
            distance = ops.cast(_edit_distance(line, length, target, wanted), "float32")
            longer = ops.cast(ops.maximum(length, wanted), "float32")
            right = ops.logical_and(ops.equal(distance, 0), longer > 0)
            shares = 1 - ops.mean(distance / ops.maximum(longer, 1)), ops.mean(ops.cast(right, "float32"))
            return ops.reshape(ops.stack(shares), (1, 1, 1, 2))

        return decode


def _packed(values, kept):
    """Returns the `kept` of integers (N, L) moved to the front with -1 after them, and how many they are (N)."""
    places = ops.cumsum(ops.cast(kept, "int32"), axis=1) - 1
    slots = np.arange(values.shape[1], dtype=np.int32)
    here = ops.logical_and(ops.expand_dims(kept, 2), ops.equal(ops.expand_dims(places, 2), slots))
    front = ops.sum(ops.cast(here, "int32") * ops.expand_dims(values + 1, 2), axis=1) - 1
    return front, ops.sum(ops.cast(kept, "int32"), axis=1)


def _edit_distance(a, a_length, b, b_length):
    """Returns the edit distance (N) of lines of integers (N, L), of which so many count.

    A row of the usual table for each value of `a`; within a row a step to the right costs 1, so that the least over all
    starts of such steps is taken at once.
    """
    columns = b.shape[1] + 1
    steps = np.arange(columns, dtype=np.int32)
    right = np.where(steps[:, None] <= steps, steps - steps[:, None], 2**20).astype(np.int32)
    row = ops.zeros_like(ops.pad(b, [(0, 0), (1, 0)])) + steps
    for i in range(a.shape[1]):
        changed = row[:, :-1] + ops.cast(ops.not_equal(b, a[:, i : i + 1]), "int32")
        start = ops.concatenate([row[:, :1] + 1, ops.minimum(row[:, 1:] + 1, changed)], axis=1)
        new = ops.min(ops.expand_dims(start, 2) + right, axis=1)
        row = ops.where(ops.expand_dims(a_length, 1) > i, new, row)
    at_end = ops.cast(ops.equal(ops.expand_dims(b_length, 1), steps), "int32")
    return ops.sum(row * at_end, axis=1)
