"""Python functions in a graph that must not run at the same time, nor in another order than the program's."""

import tensorflow as tf


class InTurn:
    """Makes calls to Python from a graph, each after the one before it has ended, in loops too.

    TensorFlow lets calls of tf.numpy_function overlap where no value goes from one to the other, as in the passes of an
    iter_size. Here all of them change one variable, and changes to a variable keep their order.
    """

    def __init__(self):
        self._turn = tf.Variable(0, trainable=False, dtype=tf.int64, name="turn")

    def __call__(self, function, inputs, types):
        """Returns what tf.numpy_function does."""
        with tf.control_dependencies([self._turn.assign_add(1)]):
            inputs = [tf.identity(x) for x in inputs]
            made = tf.numpy_function(function, inputs, types)
        with tf.control_dependencies(tf.nest.flatten(made)):
            self._turn.assign_add(1)
        return made
