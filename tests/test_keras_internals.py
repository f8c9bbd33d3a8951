"""The parts of Keras that are not public and that this package uses are there, and nothing else uses such parts."""

import pathlib
import re

import keras

from zoo import keras_internals

ROOT = pathlib.Path(__file__).resolve().parents[1]
# A hook that is overridden is listed in keras_internals; what else is used of a Keras object stays there.
_NAMES = "keras_history|inbound_nodes|flatten_layers|trainable_variables_indices|var_key|get_variable_index"
PRIVATE = re.compile(rf"(?<!def )(?<!super\(\)\.)\b_({_NAMES})\b")


def test_keras_has_the_hooks_that_are_overridden():
    for name in keras_internals.OPTIMIZER_HOOKS:
        assert callable(getattr(keras.optimizers.Optimizer, name)), name
    for name in keras_internals.LOSS_SCALE_HOOKS:
        assert callable(getattr(keras.optimizers.LossScaleOptimizer, name)), name


def test_history_of_a_tensor():
    x = keras.Input((3,))
    layer = keras.layers.Dense(2)
    y = layer(x)
    assert keras_internals.operation_of(y) is layer
    operation, node, inputs = keras_internals.history_of(layer(y[:, :1] + x))
    assert operation is layer and node == 1 and len(inputs) == 1


def test_layers_inside_others_and_the_index_of_a_variable():
    inner = keras.Sequential([keras.layers.Dense(2, name="deep")])
    model = keras.Sequential([keras.Input((3,)), inner])
    assert "deep" in [layer.name for layer in keras_internals.all_layers(model)]
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    assert [keras_internals.index_of(optimizer, v) for v in model.trainable_variables] == [0, 1]
    assert keras_internals.index_of(optimizer, keras.Variable(0.0)) is None


def test_nothing_else_reaches_into_keras():
    users = [path for path in (ROOT / "zoo").rglob("*.py") if PRIVATE.search(path.read_text(encoding="utf-8"))]
    assert [path.name for path in users] == ["keras_internals.py"]
