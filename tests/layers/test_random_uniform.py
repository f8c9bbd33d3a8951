"""Random numbers of layers: those of TensorFlow's kernels, bit for bit, and the same from XLA."""

import numpy as np
import pytest

from zoo.layers.ops.random_uniform import ReplicaSlice, uniform

SHAPES = [(7,), (8, 3, 5), (64, 50)]


@pytest.fixture
def clock():
    import keras

    return keras.Variable(5, dtype="int64", trainable=False)


@pytest.mark.parametrize("shape", SHAPES)
def test_numbers_are_those_of_tensorflows_kernel(shape, clock):
    import tensorflow as tf

    # What runs resumed from older checkpoints drew.
    wanted = tf.random.stateless_uniform(shape, tf.constant([3, 5], tf.int64), alg="philox").numpy()
    found = uniform(shape, 3, clock).numpy()
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32))
    assert found.min() >= 0 and found.max() < 1


@pytest.mark.parametrize("shape", SHAPES)
def test_xla_gives_the_same_numbers(shape, clock):
    import tensorflow as tf

    compiled = tf.function(lambda: uniform(shape, 3, clock), jit_compile=True)
    np.testing.assert_array_equal(compiled().numpy(), uniform(shape, 3, clock).numpy())


def test_a_share_has_its_rows_of_the_whole_batch_and_from_xla_too(clock):
    import tensorflow as tf

    whole = uniform((8, 6), 3, clock).numpy()
    for rank in range(2):
        replica_slice = ReplicaSlice(count=2, items=4, rank=lambda rank=rank: rank)
        wanted = tf.function(lambda replica_slice=replica_slice: uniform((4, 6), 3, clock, replica_slice))
        compiled = tf.function(
            lambda replica_slice=replica_slice: uniform((4, 6), 3, clock, replica_slice), jit_compile=True
        )
        np.testing.assert_array_equal(wanted().numpy(), whole[rank::2])
        np.testing.assert_array_equal(compiled().numpy(), whole[rank::2])
