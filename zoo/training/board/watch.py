"""What a test keeps, inside the graph, besides its scores: the confusion matrix and the images most surely mistaken."""

import math

import tensorflow as tf

from zoo.layers.base.geometry import keras_shape
from zoo.layers.ops.layout import to_caffe

WRONG = 24  # images kept
WRONG_BYTES = 32 << 20  # and what they may take


class Watch:
    """Follows the batches of a test.

    Args:
        net: the TEST `Net`.
        place: its `Classified`.

    Attributes:
        refs: the values that it reads.
    """

    def __init__(self, net, place):
        self.place, self._shapes = place, net.shapes
        self.refs = tuple(filter(None, (place.scores, place.labels, place.image)))
        self._counts = tf.Variable(tf.zeros((place.classes,) * 2, tf.int64), trainable=False)
        self._kept = ()
        if place.image is not None:
            shape = keras_shape(net.shapes[place.image])
            number = min(WRONG, WRONG_BYTES // (4 * math.prod(shape[1:])))
            if number:
                self._kept = tuple(
                    tf.Variable(tf.zeros((number, *part), kind), trainable=False)
                    for part, kind in (((), tf.float32), (shape[1:], tf.float32), ((2,), tf.int64))
                )

    def reset(self):
        """Begins a test."""
        for variable in (self._counts, *self._kept[:1]):
            variable.assign(tf.zeros_like(variable))

    def __call__(self, values):
        """Adds a batch, in the graph; {BlobRef: tensor}. Sizes that are not those of the net are passed over."""
        if any(values[ref].shape != keras_shape(self._shapes[ref]) for ref in self.refs):
            return
        place, classes = self.place, self.place.classes
        scores = to_caffe(tf.cast(values[place.scores], tf.float32))
        rank = len(self._shapes[place.scores])
        order = [axis for axis in range(rank) if axis != place.axis]
        scores = tf.reshape(tf.transpose(scores, (*order, place.axis)), (-1, classes))
        labels = tf.cast(tf.reshape(to_caffe(values[place.labels]), (-1,)), tf.int64)
        valid = tf.logical_and(labels >= 0, labels < classes)
        for ignored in place.ignored:
            valid = tf.logical_and(valid, tf.not_equal(labels, int(ignored)))
        predicted = tf.argmax(scores, axis=1)
        pairs = tf.boolean_mask(labels * classes + predicted, valid)
        counts = tf.math.bincount(tf.cast(pairs, tf.int32), minlength=classes**2, maxlength=classes**2)
        self._counts.assign_add(tf.cast(tf.reshape(counts, (classes, classes)), tf.int64))
        if self._kept:
            self._keep(scores, tf.where(valid, labels, 0), predicted, valid, values[place.image])

    def _keep(self, scores, labels, predicted, valid, images):
        """Keeps of the images so far and of this batch those whose wrong class is furthest ahead of the right one."""
        ahead = tf.reduce_max(scores, axis=1) - tf.gather(scores, labels, axis=1, batch_dims=1)
        wrong = tf.logical_and(valid, tf.not_equal(predicted, labels))
        ahead = tf.where(tf.logical_and(wrong, tf.math.is_finite(ahead)), ahead, 0)
        number = self._kept[0].shape[0]
        new, at = tf.math.top_k(ahead, min(number, ahead.shape[0]))
        pairs = tf.stack([labels, predicted], axis=1)
        fresh = (new, tf.gather(tf.cast(images, tf.float32), at), tf.gather(pairs, at))
        both = [tf.concat([old, part], axis=0) for old, part in zip(self._kept, fresh)]
        _, best = tf.math.top_k(both[0], number)
        for variable, part in zip(self._kept, both):
            variable.assign(tf.gather(part, best))

    def counts(self):
        """Returns the confusion matrix, (label, prediction)."""
        return self._counts.numpy()

    def wrong(self):
        """Returns (images, [(label, prediction)]) of the mistaken ones, the surest first."""
        if not self._kept:
            return [], []
        ahead, images, pairs = (variable.numpy() for variable in self._kept)
        return images[ahead > 0], pairs[ahead > 0]
