"""Greedy suppression of one list of boxes by TensorFlow's kernel."""

import keras
import tensorflow as tf


class Suppression(keras.layers.Layer):
    """As `zoo.layers.ops.suppression.keep` without eta: a kept box leaves none after it that overlaps by more.

    Args:
        threshold: the overlap up to which a box is kept.
        pixel: what a width or height adds, as `zoo.layers.ops.boxes.overlap` has it.
        most: how many boxes are kept at most, the first ones; None for any number.
    """

    def __init__(self, threshold, pixel, most, **kwargs):
        super().__init__(**kwargs)
        self.threshold, self.pixel, self.most = threshold, pixel, most

    def build(self, *shapes):
        """Creates nothing."""

    def compute_output_spec(self, boxes, allowed):
        """That of `allowed`."""
        return keras.KerasTensor(allowed.shape, dtype=allowed.dtype)

    def call(self, boxes, allowed):
        """Returns (1,T), 1.0 where a box is kept, from four (1,T) tensors in descending order of score and (1,T)."""
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
