"""Histograms are those that TensorFlow's own summary writes, counted elsewhere."""

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from zoo.training.summaries import BUCKETS, HISTOGRAM_VALUES, Summaries, _histogram


def written(folder):
    """Returns {tag: (plugin, array)} of the event file in `folder`."""
    found = {}
    for event in EventFileLoader(str(next(folder.glob("events*")))).Load():
        for value in event.summary.value:
            found[value.tag] = value.metadata.plugin_data.plugin_name, tf.make_ndarray(value.tensor)
    return found


@pytest.mark.parametrize("values", [np.random.default_rng(0).normal(2, 3, (7, 11, 13)), np.arange(5.0)])
def test_as_tensorflow_writes_them(tmp_path, values):
    tensor = tf.constant(values, tf.float32)
    summaries = Summaries(tmp_path)
    with summaries._writer("train").as_default(step=3):
        tf.summary.histogram("theirs", tensor, buckets=BUCKETS)
        _histogram("ours", tensor)
    summaries.close()
    (plugin, ours), (their_plugin, theirs) = (written(tmp_path / "train")[tag] for tag in ("ours", "theirs"))
    assert plugin == their_plugin == "histograms" and ours.shape == (BUCKETS, 3)
    np.testing.assert_allclose(ours[:, :2], theirs[:, :2], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(ours[:, 2], theirs[:, 2])


def test_what_is_not_finite_is_left_out_and_many_values_are_sampled(tmp_path):
    summaries = Summaries(tmp_path)
    with summaries._writer("train").as_default(step=0):
        _histogram("odd", tf.constant([1.0, np.inf, np.nan, 3.0]))
        _histogram("many", tf.range(2 * HISTOGRAM_VALUES, dtype=tf.float32))
    summaries.close()
    found = written(tmp_path / "train")
    assert found["odd"][1][:, 2].sum() == 2 and found["odd"][1][0, 0] == 1 and found["odd"][1][-1, 1] == 3
    assert found["many"][1][:, 2].sum() == HISTOGRAM_VALUES
