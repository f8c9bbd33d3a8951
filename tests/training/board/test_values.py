"""Values are those that TensorFlow's own summary writes, made elsewhere."""

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from zoo.training.board import values


def written(folder):
    """Returns {tag: (plugin, array)} of the event file in `folder`."""
    found = {}
    for event in EventFileLoader(str(next(folder.glob("events*")))).Load():
        for value in event.summary.value:
            found[value.tag] = value.metadata.plugin_data.plugin_name, tf.make_ndarray(value.tensor)
    return found


@pytest.mark.parametrize("array", [np.random.default_rng(0).normal(2, 3, (7, 11, 13)), np.arange(5.0)])
def test_as_tensorflow_writes_them(tmp_path, array):
    picture = np.random.default_rng(1).random((5, 7, 3))
    ours = [values.histogram("h", array.astype(np.float32)), values.scalar("s", 3), values.text("t", "ü")]
    with tf.summary.create_file_writer(str(tmp_path / "a")).as_default(step=3):
        tf.summary.histogram("h", tf.constant(array, tf.float32), buckets=values.BUCKETS)
        tf.summary.scalar("s", 3)
        tf.summary.text("t", "ü")
        tf.summary.image("i", picture[None])
    with tf.summary.create_file_writer(str(tmp_path / "b")).as_default(step=3):
        tf.summary.experimental.write_raw_pb(values.record([*ours, values.image("i", picture)]))
    theirs, ours = written(tmp_path / "a"), written(tmp_path / "b")
    assert {tag: plugin for tag, (plugin, _) in ours.items()} == {tag: plugin for tag, (plugin, _) in theirs.items()}
    (_, a), (_, b) = theirs["h"], ours["h"]
    assert b.shape == (values.BUCKETS, 3)
    np.testing.assert_allclose(b[:, :2], a[:, :2], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(b[:, 2], a[:, 2])
    assert theirs["s"][1] == ours["s"][1] and theirs["t"][1] == ours["t"][1]
    pixels = [tf.io.decode_png(found["i"][1][2]).numpy() for found in (theirs, ours)]
    assert np.abs(pixels[0].astype(int) - pixels[1]).max() <= 1 and list(ours["i"][1][:2]) == [b"7", b"5"]


def test_what_is_not_finite_is_left_out_and_many_values_are_sampled():
    odd = tf.make_ndarray(values.histogram("odd", np.float32([1, np.inf, np.nan, 3])).tensor)
    assert odd[:, 2].sum() == 2 and odd[0, 0] == 1 and odd[-1, 1] == 3
    many = tf.make_ndarray(values.histogram("many", np.arange(2.0 * values.HISTOGRAM_VALUES)).tensor)
    assert many[:, 2].sum() == values.HISTOGRAM_VALUES
    assert tf.make_ndarray(values.histogram("none", np.zeros(0)).tensor)[:, 2].sum() == 0
