import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.solvers import reference
from zoo.errors import CheckpointError, SolverError
from zoo.solvers import optimizers, schedules

SHAPES = [(3, 2, 5, 4), (7,), (2, 9), (1, 1, 6)]
MULTIPLIERS = [(1.0, 1.0), (2.0, 0.0), (0.5, 3.0), (0.0, 2.0)]
RULES = {
    "SGD": {"momentum": 0.9},
    "Nesterov": {"momentum": 0.85},
    "AdaGrad": {"delta": 1e-4},
    "RMSProp": {"delta": 1e-5, "rms_decay": 0.95},
    "AdaDelta": {"momentum": 0.9, "delta": 1e-6},
    "Adam": {"momentum": 0.8, "momentum2": 0.99, "delta": 1e-6},
}
SETTINGS = {
    "plain": {},
    "l2": {"weight_decay": 0.05},
    "l1": {"weight_decay": 0.01, "regularization_type": "L1"},
    "clip_and_iter_size": {"weight_decay": 0.02, "clip_gradients": 12.0, "iter_size": 3},
    "clip_to_nothing": {"weight_decay": 0.02, "clip_gradients": 0.0},
}


def start(seed=3):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype("float32") for shape in SHAPES]


def gradients(iteration):
    """Norms go up and down, so that one clipping limit acts in some iterations and not in others."""
    rng = np.random.default_rng(100 + iteration)
    return [rng.normal(size=shape).astype("float32") * (0.2 + iteration % 4) for shape in SHAPES]


def made(kind, arrays=None, multipliers=MULTIPLIERS, rate=None, **options):
    variables = [keras.Variable(a, name=f"v{i}") for i, a in enumerate(arrays or start())]
    pairs = {v.path: pair for v, pair in zip(variables, multipliers)}
    rate = schedules.Inv(base_lr=0.05, gamma=0.1, power=0.75) if rate is None else rate
    return variables, optimizers.OPTIMIZERS[kind](rate, multipliers=pairs, **{**RULES[kind], **options})


def graph(optimizer, variables):
    optimizer.build(variables)
    return tf.function(lambda *grads: optimizer.apply(list(grads), variables))


def values(variables):
    return [variable.numpy() for variable in variables]


def close(got, want, tolerance):
    assert len(got) == len(want)
    for a, b in zip(got, want):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(np.abs(b).max(), 1e-12))


def expected(kind, options, steps=20, dtype=np.float64):
    """The reference after `steps`, and how many of them were clipped."""
    solver = reference.Solver(kind, start(), MULTIPLIERS, dtype, **{**RULES[kind], **options})
    rates = [reference.rate("inv", i, 0.05, gamma=0.1, power=0.75) for i in range(steps)]
    clipped = sum(solver.step(gradients(i), rate) for i, rate in enumerate(rates))
    return solver, clipped


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", RULES)
def test_equals_the_formulae(kind, settings, fused):
    options = SETTINGS[settings]
    variables, optimizer = made(kind, **options)
    optimizer.fused = fused
    step = graph(optimizer, variables)
    for iteration in range(20):
        step(*gradients(iteration))
    want, clipped = expected(kind, options)
    if settings == "clip_and_iter_size":
        assert 0 < clipped < 20
    close(values(variables), want.weights, 2e-6)
    slots = [want.h, want.h2][: len(optimizer.slots)]
    close(optimizer.history(variables), [array for slot in slots for array in slot], 5e-6)
    in_float32, _ = expected(kind, options, dtype=np.float32)
    close(values(variables), in_float32.weights, 2e-6)


@pytest.mark.parametrize("momentum", [0.0, 1e-30, 0.4])
def test_decay_with_a_momentum_too_small_to_divide_by(momentum):
    variables, optimizer = made("SGD", momentum=momentum, weight_decay=0.1)
    step = graph(optimizer, variables)
    for iteration in range(20):
        step(*gradients(iteration))
    want, _ = expected("SGD", {"momentum": momentum, "weight_decay": 0.1})
    close(values(variables), want.weights, 2e-6)
    close(optimizer.history(variables), want.h, 5e-6)


def test_lr_mult_0_stands_still_and_counts_for_no_norm():
    big = [np.ones(shape, "float32") * (1000.0 if pair[0] == 0 else 0.01) for shape, pair in zip(SHAPES, MULTIPLIERS)]
    variables, optimizer = made("SGD", clip_gradients=5.0)
    without, plain = made("SGD")
    graph(optimizer, variables)(*big)
    graph(plain, without)(*big)
    close(values(variables), values(without), 0)
    np.testing.assert_array_equal(variables[3].numpy(), start()[3])


@pytest.mark.parametrize("kind", RULES)
def test_compiled_by_xla_is_the_same(kind):
    variables, optimizer = made(kind, **SETTINGS["clip_and_iter_size"])
    optimizer.build(variables)
    step = tf.function(lambda *grads: optimizer.apply(list(grads), variables), jit_compile=True)
    for iteration in range(20):
        step(*gradients(iteration))
    close(values(variables), expected(kind, SETTINGS["clip_and_iter_size"])[0].weights, 4e-6)


def test_adams_correction_keeps_its_digits():
    for beta, count in [(0.999, 1), (0.999, 2), (0.9, 3), (0.999, 100000), (0.0, 1)]:
        got = float(optimizers._one_minus_power(beta, tf.constant(float(count))))
        assert got == pytest.approx(1 - float(np.float32(beta)) ** count, rel=3e-7)


@pytest.mark.parametrize("kind", RULES)
def test_goes_on_from_its_history(kind):
    options = SETTINGS["clip_and_iter_size"]
    first, optimizer = made(kind, **options)
    step = graph(optimizer, first)
    for iteration in range(8):
        step(*gradients(iteration))
    second, other = made(kind, arrays=values(first), **options)
    step = graph(other, second)
    other.load_history(second, optimizer.history(first))
    other.iterations.assign(8)
    for iteration in range(8, 20):
        step(*gradients(iteration))
    close(values(second), expected(kind, options)[0].weights, 2e-6)


def test_history_has_zeros_for_what_is_not_trained_and_refuses_what_does_not_fit():
    variables, optimizer = made("Adam")
    optimizer.build(variables[:3])
    frozen = variables[3]
    order = [variables[0], frozen, variables[2]]
    arrays = [np.full(v.shape, i + 1.0) for i, v in enumerate(order * 2)]
    optimizer.load_history(order, arrays)
    got = optimizer.history(order)
    assert [float(array.max()) for array in got] == [1.0, 0.0, 3.0, 4.0, 0.0, 6.0]
    with pytest.raises(CheckpointError, match="number of history arrays for Adam and 3 parameters, got 3, want 6"):
        optimizer.load_history(order, arrays[:3])
    with pytest.raises(CheckpointError, match=r"shape of the history of v0, got \(7,\), want \(3, 2, 5, 4\)"):
        optimizer.load_history(order, [np.zeros(7), *arrays[1:]])
    with pytest.raises(CheckpointError, match="build"):
        made("SGD")[1].history(order)


@pytest.mark.parametrize("kind", RULES)
def test_survives_serialisation(kind):
    variables, optimizer = made(kind, weight_decay=0.02, regularization_type="L1", clip_gradients=12.0, iter_size=3)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(optimizer)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()
    step = graph(again, variables)
    for iteration in range(5):
        step(*gradients(iteration))
    options = {"weight_decay": 0.02, "regularization_type": "L1", "clip_gradients": 12.0, "iter_size": 3}
    close(values(variables), expected(kind, options, steps=5)[0].weights, 2e-6)


def toy():
    keras.utils.set_random_seed(5)
    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(5, activation="tanh", name="hidden")(inputs)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="scores")(hidden))


def toy_data():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(96, 6)).astype("float32")
    return x, np.argmax(x[:, :3], axis=1).astype("int32")


FIT_RATES = {"SGD": 0.1, "Nesterov": 0.1, "AdaGrad": 0.1, "RMSProp": 0.01, "AdaDelta": 1.0, "Adam": 0.02}


# Keras 3.15 reads variables for a file in a way that NumPy 2 is going to refuse.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
@pytest.mark.parametrize("kind", RULES)
def test_trains_under_compile_and_comes_back_from_a_file(kind, tmp_path):
    model, (x, y) = toy(), toy_data()
    pairs = {"hidden/bias": (2.0, 0.0), "scores/kernel": (0.0, 1.0)}
    optimizer = optimizers.OPTIMIZERS[kind](FIT_RATES[kind], multipliers=pairs, clip_gradients=3.0, **RULES[kind])
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
    frozen = model.get_layer("scores").kernel.numpy()
    losses = model.fit(x, y, batch_size=16, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    np.testing.assert_array_equal(model.get_layer("scores").kernel.numpy(), frozen)
    model.save(tmp_path / "toy.keras")
    again = keras.saving.load_model(tmp_path / "toy.keras")
    model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    again.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    close(values(again.weights), values(model.weights), 1e-6)


def test_the_loss_scale_of_mixed_precision_does_not_reach_clipping():
    options = SETTINGS["clip_and_iter_size"]
    variables, inner = made("SGD", **options)
    optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=1024.0)
    step = graph(optimizer, variables)
    for iteration in range(10):
        step(*[g * np.float32(1024) for g in gradients(iteration)])
    close(values(variables), expected("SGD", options, steps=10)[0].weights, 2e-6)
    before = values(variables)
    step(*[g * np.float32(np.inf) for g in gradients(10)])
    close(values(variables), before, 0)
    assert int(inner.iterations) == 10


def test_a_missing_gradient_is_zero_and_still_decays():
    variables, optimizer = made("SGD", weight_decay=0.1, momentum=0.0, rate=0.5, multipliers=[])
    optimizer.apply([None, *gradients(0)[1:]], variables)
    np.testing.assert_allclose(variables[0].numpy(), start()[0] * (1 - 0.05), rtol=1e-6)
    with pytest.raises(ValueError, match="No gradients"):
        optimizer.apply([None] * 4, variables)


def test_sparse_gradients_decay_whole_rows():
    table = keras.Variable(np.ones((5, 2), "float32"), name="table")
    optimizer = optimizers.SGD(0.5, momentum=0.9, weight_decay=0.1, clip_gradients=100.0)
    rows = tf.IndexedSlices(tf.ones((2, 2)), tf.constant([1, 3]), tf.constant([5, 2]))
    optimizer.apply([rows], [table])
    want = np.full((5, 2), 1 - 0.05) - 0.5 * np.isin(np.arange(5), (1, 3))[:, None]
    np.testing.assert_allclose(table.numpy(), want, rtol=1e-6)


def test_keeps_the_rate_settable():
    variables, optimizer = made("SGD", rate=0.5, momentum=0.0, multipliers=[])
    optimizer.learning_rate = 0.25
    optimizer.apply([np.ones(shape, "float32") for shape in SHAPES], variables)
    np.testing.assert_allclose(variables[1].numpy(), start()[1] - 0.25, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("SGD", {"momentum": 1.0}, "momentum, got 1, want 0 or more and below 1"),
        ("Adam", {"momentum2": -0.1}, "momentum2, got -0.1"),
        ("RMSProp", {"rms_decay": 1.5}, "rms_decay, got 1.5"),
        ("AdaGrad", {"delta": -1e-8}, "delta, got -1e-08"),
        ("AdaDelta", {"iter_size": 0}, "iter_size, got 0"),
        ("SGD", {"weight_decay": -0.5}, "weight_decay, got -0.5"),
        ("SGD", {"regularization_type": "L3"}, "regularization_type, got 'L3', want one of L2, L1"),
        ("SGD", {"clip_gradients": float("nan")}, "clip_gradients, got nan, want a finite number"),
    ],
)
def test_refuses(kind, options, said):
    with pytest.raises(SolverError, match=said):
        made(kind, **options)


def test_refuses_a_multiplier_of_nothing_but_not_of_what_is_frozen():
    variables, _ = made("SGD")
    with pytest.raises(
        SolverError, match="multipliers for a variable that is not trained, got typo, want v0, v1, v2, v3"
    ):
        optimizers.SGD(0.1, multipliers={"typo": (2.0, 1.0)}).build(variables)
    optimizers.SGD(0.1, multipliers={"frozen": (0.0, 1.0)}).build(variables)


def in_another_process(script, backend):
    """Runs the function `script` of this file where Keras has another backend or TensorFlow other devices."""
    root = pathlib.Path(__file__).resolve().parents[2]
    code = f"import warnings; warnings.simplefilter('error', UserWarning); from tests.solvers import {script}"
    env = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_compute_the_same(backend):
    if not importlib.util.find_spec(backend):
        pytest.skip(f"{backend} is not installed")
    assert f"6 rules agree on {backend}" in in_another_process("other_backend", backend)


def test_replicas_clip_the_sum_of_their_gradients():
    assert "6 rules agree on 2 replicas" in in_another_process("replicas", "tensorflow")
