"""zoo.training.loop: what a run that has ended leaves behind in its process."""

import gc

from tensorflow.python.data.ops.iterator_ops import OwnedIterator

from tests.training import runs


def iterators():
    return sum(isinstance(each, OwnedIterator) for each in gc.get_objects())


def test_a_run_that_has_ended_reads_no_more(small_data, tmp_path):
    """The threads of an open iterator stay until it goes: of each run 15 did, until Python searched for cycles."""
    gc.collect()
    gc.disable()  # which in a process with as many objects as TensorFlow's comes by itself too seldom
    try:
        before = iterators()
        result = runs.train(tmp_path, small_data, summaries=False)
        assert result.done and iterators() == before
    finally:
        gc.enable()
