"""Variables of the net in stock layers: used, tracked, listed once, saved and loaded."""

import keras
import numpy as np
import pytest
from keras import ops

from zoo.layers.ops.variables import inject, reader


def variable(*shape, trainable=True):
    rng = np.random.default_rng(len(shape))
    return keras.Variable(rng.normal(size=shape).astype(np.float32), trainable=trainable, name="v")


def test_a_stock_layer_uses_what_it_is_given():
    kernel, bias = variable(3, 2, 4, 5), variable(5)
    layer = inject(keras.layers.Conv2D(5, (3, 2)), {"kernel": kernel, "bias": bias})
    x = np.ones((1, 3, 2, 4), np.float32)
    want = kernel.numpy().sum((0, 1, 2)) + bias.numpy()
    np.testing.assert_allclose(layer(x)[0, 0, 0], want, rtol=1e-5)
    assert [id(v) for v in layer.trainable_variables] == [id(kernel), id(bias)]
    bias.assign(bias + 1)
    np.testing.assert_allclose(layer(x)[0, 0, 0], want + 1, rtol=1e-5)


def test_a_weight_that_does_not_fit_is_said():
    with pytest.raises(ValueError, match="requests a weight 'bias'"):
        inject(keras.layers.Dense(5), {"kernel": variable(4, 5)}).build((None, 4))
    with pytest.raises(ValueError, match="has shape"):
        inject(keras.layers.Dense(5, use_bias=False), {"kernel": variable(5, 4)}).build((None, 4))


# Keras 3.15 saves a variable by np.array(variable), whose __array__ takes no copy (NumPy 2.4 says so).
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
def test_shared_variables_are_listed_once_and_saved(tmp_path):
    kernel, frozen = variable(4, 4), variable(3, 1, 4, trainable=False)
    read = reader(frozen, "frozen", portable=True)
    x = keras.Input((4,))
    first = inject(keras.layers.Dense(4, use_bias=False, name="first"), {"kernel": kernel})
    second = inject(keras.layers.Dense(4, use_bias=False, name="second"), {"kernel": kernel})
    model = keras.Model(x, ops.sum(read(x), axis=(0, 1)) * second(ops.tanh(first(x))))
    assert [id(v) for v in model.trainable_variables] == [id(kernel)]
    assert [id(v) for v in model.non_trainable_variables] == [id(frozen)]
    model.save(tmp_path / "m.keras")
    arrays = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    want = frozen.numpy().sum((0, 1)) * (np.tanh(arrays @ kernel.numpy()) @ kernel.numpy())
    for each in (model, keras.models.load_model(tmp_path / "m.keras")):
        np.testing.assert_allclose(each(arrays), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("shape", [(1,), (3,), (2, 3, 4), (1, 2, 3, 4, 5)])
def test_reading_a_variable(shape, portable):
    v = variable(*shape)
    read = reader(v, "v", portable)
    for like in (np.full((2, 3), np.nan, np.float32), np.ones(5, np.float32)):
        np.testing.assert_array_equal(read(ops.convert_to_tensor(like)), v.numpy())


def test_a_value_keeps_its_precision_where_asked():
    v = keras.Variable(np.float32([1 + 2**-20]), name="v")
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        x = ops.ones((2, 3), "bfloat16")
        for portable in (False, True):
            assert ops.dtype(reader(v, "half", portable)(x)) == "bfloat16"
            np.testing.assert_array_equal(reader(v, "full", portable, "float32")(x), v.numpy())
    finally:
        keras.config.set_dtype_policy("float32")
