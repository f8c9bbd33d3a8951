"""The order of a quicksort, in as many rounds as it takes."""

import keras
import tensorflow as tf

from zoo.layers.ops.quicksort import begun, divided


class Quicksorted(keras.layers.Layer):
    """As `zoo.layers.ops.quicksort.sorted_order` without a limit of rounds; of the order only `top` places."""

    def __init__(self, top, **kwargs):
        super().__init__(**kwargs)
        self.top = top

    def build(self, input_shape):
        """Creates nothing."""

    def compute_output_spec(self, scores):
        """As many places as scores."""
        return keras.KerasTensor(scores.shape, dtype="int32")

    def call(self, scores):
        """Returns (T,) int32 from (T,) float32."""

        def unsettled(order, first, last):
            here = tf.gather(scores, order)
            return tf.reduce_any((here != tf.gather(here, first)) & (first < self.top))

        return tf.while_loop(unsettled, lambda *state: divided(scores, state), begun(scores))[0]
