"""DetectionOutput on the host: NumPy's arrays in a graph of TensorFlow."""

import keras
import numpy as np
import tensorflow as tf

from zoo.layers.base.geometry import keras_shape
from zoo.layers.ops.boxes import decode
from zoo.layers.ops.layout import to_caffe
from zoo.layers.ops.ranked_suppression import Lists, ranked


class Detections(keras.layers.Layer):
    """The top of a DetectionOutput layer, found with work for the best candidates alone.

    Args:
        kind: the `DetectionOutput`.
        top: Caffe's shape of the padded top.
    """

    def __init__(self, kind, top, **kwargs):
        super().__init__(**kwargs, dtype="float32")
        self._kind, self._top = kind, top

    def compute_output_spec(self, *bottoms):
        """The padded top."""
        return keras.KerasTensor(keras_shape(self._top))

    def call(self, *bottoms):
        """Keras tensors of offsets, scores and priors[, images] -> the top."""
        given = [tf.cast(tf.stop_gradient(to_caffe(x)), tf.float32) for x in bottoms[:3]]
        if tf.executing_eagerly():  # in this thread, without a copy
            return tf.constant(self._detect(*(np.asarray(x) for x in given)))
        rows = tf.numpy_function(self._detect, given, tf.float32, stateful=False)
        return tf.ensure_shape(rows, keras_shape(self._top))

    def _detect(self, offsets, scores, priors):
        kind = self._kind
        items = len(scores)
        offsets = offsets.reshape(items, -1, 1 if kind.shared else kind.classes, 4)
        scores = scores.reshape(items, offsets.shape[1], kind.classes)
        priors, variances = priors.reshape(-1, offsets.shape[1], 4)[:2]
        top, used = np.full((self._top[2], 7), -1, np.float32), 0
        for item in range(items):
            with np.errstate(over="ignore", invalid="ignore"):  # an infinite box is one as well
                rows = self._of_item(offsets[item], scores[item], priors, None if kind.in_target else variances)
            top[used : used + len(rows), 0], top[used : used + len(rows), 1:] = item, rows
            used += len(rows)
        if not used:
            top[:items, 0] = np.arange(items)
        return top[None, :, :, None]

    def _of_item(self, offsets, scores, priors, variances):
        """Returns label, score and box (rows, 6) of what is found in one item."""
        kind = self._kind
        chosen = scores > np.float32(kind.least)
        if kind.background in range(kind.classes):
            chosen[:, kind.background] = False
        places = np.flatnonzero(chosen)
        values = scores.ravel()[places]
        most, wanted = (None if number < 0 else number for number in (kind.top_k, kind.keep_top_k))
        found = Lists(kind.threshold, kind.eta, kind.classes, most, wanted)

        def by_label(indices):
            prior, label = np.divmod(places[indices], kind.classes)
            return label * len(priors) + prior

        for best in ranked(values, by_label):
            prior, label = np.divmod(places[best], kind.classes)
            own = offsets[prior, 0 if kind.shared else label].T
            scale = None if variances is None else variances[prior].T
            found.add(decode(kind.code_type, own, priors[prior].T, scale, xp=np), label, best)
            if found.full:
                break
        order = np.argsort(found.lists, kind="stable")
        columns = [found.lists, values[found.indices], *found.boxes]
        return np.stack([column.astype(np.float32) for column in columns], axis=1)[order]
