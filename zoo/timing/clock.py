"""How a function of the graph is timed."""

import time

import tensorflow as tf


def timed(function):
    """Calls `function`, waits for the devices, and returns the seconds that it took."""
    began = time.perf_counter()
    function()
    tf.test.experimental.sync_devices()
    return time.perf_counter() - began


def rounds(functions, iterations, after_round=lambda: None):
    """Times functions in turn, so that all see the same machine.

    Args:
        functions: callables; each is called once before, which traces and compiles it, and once more to settle.
        iterations: how often each is timed.
        after_round: called when all have had their turn.

    Returns:
        A list for each function: its seconds, one number a round.
    """
    found = [[] for _ in functions]
    for function in functions:
        timed(function)
        timed(function)
    for _ in range(iterations):
        for seconds, function in zip(found, functions):
            seconds.append(timed(function))
        after_round()
    return found


def mean(seconds):
    """Returns the mean."""
    return sum(seconds) / len(seconds)
