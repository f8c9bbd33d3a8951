"""Greedy suppression of one list of boxes by TensorFlow's kernel."""

import keras
import tensorflow as tf

from zoo.layers.ops.boxes import overlap


class Suppression(keras.layers.Layer):
    """As `zoo.layers.ops.suppression.keep` without eta: a kept box leaves none after it that overlaps by more.

    Args:
        threshold: the overlap up to which a box is kept.
        pixel: what a width or height adds, as `zoo.layers.ops.boxes.overlap` has it.
        most: how many boxes are kept at most, the first ones; None for any number.
        touching: as `overlap` has it. The kernel knows nothing of it; it differs only where two boxes are so narrow, or
            so flat, that less than a pixel of them can be more than the threshold. Then the boxes are gone through.
    """

    def __init__(self, threshold, pixel, most, touching=False, **kwargs):
        super().__init__(**kwargs)
        self.threshold, self.pixel, self.most, self.touching = threshold, pixel, most, touching

    def build(self, *shapes):
        """Creates nothing."""

    def compute_output_spec(self, boxes, allowed):
        """That of `allowed`."""
        return keras.KerasTensor(allowed.shape, dtype=allowed.dtype)

    def call(self, boxes, allowed):
        """Returns (1,T), 1.0 where a box is kept, from four (1,T) tensors in descending order of score and (1,T)."""
        if not self.touching:
            return self._by_kernel(boxes, allowed)
        left, top, right, bottom = boxes
        # An overlap of boxes w and v wide that share less than a pixel p is below p / (w + v - p).
        narrow = [
            tf.reduce_sum(tf.cast((end - start + self.pixel) * self.threshold <= self.pixel, tf.int32)) > 1
            for start, end in ((left, right), (top, bottom))
        ]
        return tf.cond(
            narrow[0] | narrow[1], lambda: self._one_by_one(boxes, allowed), lambda: self._by_kernel(boxes, allowed)
        )

    def _one_by_one(self, boxes, allowed):
        """Keeps the first box that is left and drops those that it suppresses, until none is left."""
        table, first = tf.concat(boxes, axis=0), tf.shape(allowed)[1]
        most = first if self.most is None else self.most

        def step(left, kept, number):
            place = tf.argmax(left, output_type=tf.int32)
            own = tf.unstack(tf.gather(table, place[None], axis=1))
            hit = overlap(own, tf.unstack(table), self.pixel, touching=True) > self.threshold
            here = tf.one_hot(place, tf.shape(left)[0])
            return tf.where(hit, 0.0, left) * (1 - here), kept + here, number + 1

        def going(left, kept, number):
            return (tf.reduce_max(left, axis=0) > 0) & (number < most)

        start = allowed[0], tf.zeros_like(allowed[0]), tf.constant(0)
        return tf.while_loop(going, step, start)[1][None]

    def _by_kernel(self, boxes, allowed):
        left, top, right, bottom = boxes
        corners = tf.stack([top, left, bottom + self.pixel, right + self.pixel], axis=2)[0]
        size = tf.shape(allowed)[1]
        # Of equal scores the kernel prefers the first; what is not allowed is below the threshold.
        scores = tf.where(allowed[0] > 0, tf.cast(size - tf.range(size), tf.float32), -1.0)
        places, count = tf.raw_ops.NonMaxSuppressionV4(
            boxes=corners,
            scores=scores,
            max_output_size=size if self.most is None else tf.minimum(size, self.most),
            iou_threshold=min(self.threshold, 1.0),
            score_threshold=0.0,
        )
        kept = tf.ones_like(places[:count], tf.float32)
        return tf.scatter_nd(places[:count, None], kept, [size])[None]
