"""Functions that each session has for itself, of which one process may have many."""

import tensorflow as tf


def own_function(function):
    """Returns `tf.function(function)`, without TensorFlow's warning of functions that are traced again and again.

    TensorFlow counts tracings by the code of a function. Each session, such as each call of `zoo.fit` in a notebook,
    has a function of its own made of the same code and traces it once; the warning takes five of these for one function
    that is traced five times.
    """
    traced = tf.function(function)
    traced._omit_frequent_tracing_warning = True  # not public; SavedModel's functions have it
    return traced
