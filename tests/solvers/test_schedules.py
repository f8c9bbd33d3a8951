import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.solvers import reference
from zoo.errors import SolverError
from zoo.solvers import schedules

CASES = {
    "fixed": {"base": 0.03},
    "step": {"base": 0.03, "gamma": 0.7, "stepsize": 7},
    "exp": {"base": 0.03, "gamma": 0.97},
    "inv": {"base": 0.03, "gamma": 0.05, "power": 0.75},
    "multistep": {"base": 0.03, "gamma": 0.3, "stepvalue": (5, 12, 21)},
    "poly": {"base": 0.03, "power": 1.5, "max_iter": 40},
    "sigmoid": {"base": 0.03, "gamma": 0.3, "stepsize": 14},
}


def make(policy, base, **fields):
    return schedules.schedule(
        policy, base_lr=base, **{k: list(v) if k == "stepvalue" else v for k, v in fields.items()}
    )


def test_every_policy_has_a_case():
    assert {*CASES, "plateau"} == set(schedules.POLICIES)  # see test_plateau.py


@pytest.mark.parametrize("policy", CASES)
def test_equals_the_formula(policy):
    made = make(policy, **CASES[policy])
    traced = tf.function(made)
    want = [reference.rate(policy, i, **CASES[policy]) for i in range(40)]
    assert made(0).dtype == "float32"
    np.testing.assert_allclose([float(made(i)) for i in range(40)], want, rtol=1e-6)
    np.testing.assert_allclose([float(traced(tf.constant(i, "int64"))) for i in range(40)], want, rtol=1e-6)


@pytest.mark.parametrize("policy", CASES)
def test_survives_serialisation(policy):
    made = make(policy, **CASES[policy]).restored(15, 2)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(made)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(made)
    assert [float(again(i)) for i in range(15, 40)] == [float(made(i)) for i in range(15, 40)]


def test_step_is_exact_beyond_what_float32_can_count():
    made = schedules.Step(base_lr=1.0, gamma=0.5, stepsize=2**24 + 1)
    assert float(made(tf.constant(2**24, "int64"))) == 1.0
    assert float(made(tf.constant(2**24 + 1, "int64"))) == 0.5


@pytest.mark.parametrize("stepvalue", [(4, 4, 4), (9, 3, 5), (0, 0, 6), (2, 7, 6, 8), (0, 1)])
def test_multistep_advances_once_an_iteration(stepvalue):
    made = schedules.MultiStep(base_lr=1.0, gamma=0.5, stepvalue=list(stepvalue))
    want = [reference.rate("multistep", i, 1.0, gamma=0.5, stepvalue=stepvalue) for i in range(15)]
    assert [float(made(i)) for i in range(15)] == want
    # What Caffe holds after i updates belongs to the last of them.
    assert [2.0 ** -made.current_step(i) for i in range(1, 16)] == want
    assert made.current_step(0) == 0


def loop_from(iteration, current, stepvalue, count):
    """Caffe's own loop from a restored state; the current_step of `count` iterations."""
    found = []
    for i in range(iteration, iteration + count):
        if current < len(stepvalue) and i >= stepvalue[current]:
            current += 1
        found.append(current)
    return found


@pytest.mark.parametrize("state", [(10, 0), (10, 1), (10, 2), (3, 3), (10, 5), (0, 1)])
def test_multistep_goes_on_from_a_restored_step(state):
    stepvalue = [5, 8, 12]
    made = schedules.MultiStep(base_lr=1.0, gamma=0.5, stepvalue=stepvalue).restored(*state)
    want = loop_from(*state, stepvalue, 12)
    assert [float(made(i)) for i in range(state[0], state[0] + 12)] == [0.5**current for current in want]
    assert [made.current_step(i) for i in range(state[0] + 1, state[0] + 13)] == want


def test_step_says_the_current_step_of_the_last_update():
    assert [schedules.Step(1.0, 0.5, 7).current_step(i) for i in (0, 1, 7, 8, 15)] == [0, 0, 0, 1, 2]


def test_poly_without_iterations_has_a_rate():
    assert float(schedules.Poly(base_lr=0.5, power=2.0, max_iter=0)(0)) == 0.5


@pytest.mark.parametrize(
    ("policy", "fields", "said"),
    [
        ("plateau", {"base_lr": 1.0, "gamma": 0.1}, "plateau_winsize, got none"),
        ("plateau", {"base_lr": 1.0, "gamma": 0.1, "plateau_winsize": [3, -1]}, "plateau_winsize, got -1"),
        ("multi_step", {"base_lr": 1.0}, "lr_policy, got 'multi_step', want one of .* \\(did you mean \"multistep\""),
        ("step", {"base_lr": 1.0, "gamma": 0.1, "stepsize": 0}, "stepsize, got 0, want 1 or more"),
        ("step", {"base_lr": 1.0, "gamma": -0.1, "stepsize": 3}, "gamma, got -0.1, want 0 or more"),
        ("exp", {"base_lr": 1.0, "gamma": float("nan")}, "gamma, got nan"),
        ("inv", {"base_lr": 1.0, "gamma": 0.1}, "power, got none, .*write power: 0"),
        ("inv", {"gamma": 0.1, "power": 1.0}, "base_lr, got none"),
        ("fixed", {"base_lr": -0.5}, "base_lr, got -0.5, want 0 or more"),
        ("multistep", {"base_lr": 1.0, "gamma": 0.1}, "stepvalue, got none"),
        ("multistep", {"base_lr": 1.0, "gamma": 0.1, "stepvalue": [5, -1]}, "stepvalue, got -1"),
        ("sigmoid", {"base_lr": 1.0, "gamma": 0.1, "stepsize": -4}, "stepsize, got -4"),
        ("poly", {"base_lr": 1.0, "power": 1.0, "max_iter": -1}, "max_iter, got -1"),
    ],
)
def test_refuses(policy, fields, said):
    with pytest.raises(SolverError, match=said):
        schedules.schedule(policy, **fields)


def test_an_unused_field_is_not_looked_at():
    assert float(schedules.schedule("fixed", base_lr=0.5, gamma=-3.0, stepsize=0)(9)) == 0.5


def test_autograph_reads_what_a_step_calls():
    """A method of a docstring alone makes TensorFlow warn in every process that trains."""
    assert "loss" in tf.autograph.to_code(schedules.Schedule.watch)
