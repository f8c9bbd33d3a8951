"""Many sessions in one process, each with functions of its own: nothing is said of tracing too often."""

import tensorflow as tf

from zoo.training.own_function import own_function


def _traced(make, caplog):
    for number in range(7):
        make(lambda x: x + 1)(tf.constant(float(number)))
    return "triggered tf.function retracing" in caplog.text


def test_functions_of_one_code_are_not_taken_for_one_function(caplog, monkeypatch):
    logger = tf.get_logger()
    monkeypatch.setattr(logger, "propagate", True)
    monkeypatch.setattr(logger, "level", 30)
    assert not _traced(own_function, caplog)
    assert _traced(tf.function, caplog)  # or else the first line proves nothing
