"""Python functions inside a pipeline: order, errors that are told apart, and an end of the program that is one."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.input.small_data import take
from zoo.errors import DataError
from zoo.input.sources.fetch import Fetch, ordinals

SPEC = (tf.TensorSpec((), tf.int64), tf.TensorSpec((2,), tf.float32))


def number_and_pair(number):
    return number, np.full(2, number / 2, np.float32)


def test_in_order_from_any_number():
    got = take(Fetch().map(ordinals(40, 3), number_and_pair, SPEC), 50)
    assert [n for n, _ in got] == list(range(40, 190, 3))
    assert [pair.tolist() for _, pair in got] == [[n / 2, n / 2] for n, _ in got]


def test_bytes_and_arrays_are_handed_over():
    data = tf.data.Dataset.from_tensors((tf.constant(b"a\0"), (tf.constant([1, 2]), tf.constant(2.5))))
    seen = []

    def look(text, array, number):
        seen.append((text, array.tolist(), number))
        return (np.int64(1),)

    take(Fetch().map(data, look, (tf.TensorSpec((), tf.int64),)), 1)
    assert seen == [(b"a\0", [1, 2], 2.5)]


def test_each_fetch_knows_its_own_errors():
    def bad(number):
        raise DataError(f"record {number} is bad")

    mine, other = Fetch(), Fetch()
    with pytest.raises(tf.errors.UnknownError) as raised:
        take(mine.map(ordinals(7), bad, SPEC), 1)
    found = mine.diagnose(raised.value)
    assert isinstance(found, DataError) and str(found) == "record 7 is bad"
    assert other.diagnose(raised.value) is None


@pytest.mark.slow
@pytest.mark.parametrize("end", ["", "raise SystemExit(3)", "take(None)"])
def test_a_program_that_ends_while_reading_ahead_does_end(end):
    """Without care it hangs once in some ten times, so it is tried a few."""
    code = f"""
import time, numpy as np, tensorflow as tf
from zoo.input.sources.fetch import Fetch, ordinals
def slow(number):
    if number > 200: raise RuntimeError("late")
    time.sleep(0.001)
    return (np.zeros(50000, np.float32),)
data = Fetch().map(ordinals(0), slow, (tf.TensorSpec((50000,), tf.float32),)).batch(64).prefetch(9)
iterator = iter(data)
next(iterator)
{end}
"""
    for _ in range(4):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120)
        assert done.returncode == {"": 0, "raise SystemExit(3)": 3}.get(end, 1)
