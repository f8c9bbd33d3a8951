"""Python functions as stages of tf.data: what a source reads is a function of where it stands, and nothing else."""

import atexit
import functools
import time

import numpy as np
import tensorflow as tf

from zoo.errors import ZooError

AUTOTUNE = tf.data.AUTOTUNE
KEPT = 64  # errors remembered at most; as many functions may run ahead of the one whose error is raised
QUIET_SECONDS = 0.06

_running = set()  # a token for each call under way
_state = {"last": None, "ending": False}  # when a call began last, and whether the program ends


class Fetch:
    """Makes datasets out of Python functions, and knows again the errors that these raised."""

    def __init__(self):
        self._errors = []

    def map(self, dataset, function, spec, parallel=AUTOTUNE):
        """Returns the dataset of ``function(*element)`` for each element of `dataset`, in their order.

        Args:
            dataset: of scalars, or of (nested) tuples of tensors.
            function: takes Python numbers, bytes and arrays; returns a tuple of arrays. Runs in several threads
                unless `parallel` is 1.
            spec: a tf.TensorSpec for each of them.
            parallel: how many calls may run at once.
        """

        def call(*element):
            try:
                return function(*(value.item() if isinstance(value, np.generic) else value for value in element))
            except ZooError as e:
                self._errors = [*self._errors[1 - KEPT :], e]
                raise RuntimeError(str(e)) from e

        def step(*element):
            values = python(call, tf.nest.flatten(element), [s.dtype for s in spec])
            return tuple(tf.ensure_shape(value, s.shape) for value, s in zip(values, spec))

        return dataset.map(step, num_parallel_calls=parallel, deterministic=True)

    def diagnose(self, error):
        """Returns the ZooError that a function raised and that TensorFlow now raises as `error`, or None."""
        return next((e for e in self._errors if str(e) in error.message), None)


def ordinals(first, step=1):
    """Returns the endless dataset of `first`, `first` + `step`, ..."""
    return tf.data.Dataset.counter(first, step, dtype=tf.int64)


def python(function, inputs, types):
    """Returns what Python's `function` makes of tensors; as tf.numpy_function, but safe to leave running at exit.

    Args:
        function: takes arrays, NumPy scalars and bytes; must not change the world.
        inputs: list of tensors.
        types: the dtype of its result, or a list of them.
    """

    @functools.wraps(function)
    def counted(*values):
        _state["last"] = time.monotonic()
        if _state["ending"]:
            raise RuntimeError("the program ends")
        token = object()
        _running.add(token)
        try:
            return function(*values)
        finally:
            _running.discard(token)

    return tf.numpy_function(counted, inputs, types, stateful=False)


@atexit.register
def _end():
    """Lets no Python function run into the end of the interpreter.

    A pipeline reads ahead on threads of its own. One that waits for the interpreter while that is taken down never
    gets it, and taking down the pipeline waits for the thread: the process would hang. From here on every call fails
    at once, which soon fills what reads ahead.
    """
    if _state["last"] is None:
        return
    _state["ending"], until = True, time.monotonic() + 5
    while time.monotonic() < until and (_running or time.monotonic() - _state["last"] < QUIET_SECONDS):
        time.sleep(0.005)
