"""SSD's policy "plateau" against plain Python."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.solvers import plateau
from zoo.formats.solverstate import SolverState
from zoo.solvers import schedules

FIELDS = {"base_lr": 0.5, "gamma": 0.1, "plateau_winsize": [3, 5, 2]}
FALLING = np.float32(np.exp(-np.arange(40) / 8) + np.random.default_rng(1).normal(size=40) * 0.08)


def followed(made, losses, start=0, call=lambda f: f):
    """Returns the rate of each iteration."""
    watch, rate = call(lambda loss, at: made.watch(loss, at)), call(lambda at: made(at))
    found = []
    for iteration, loss in enumerate(losses, start):
        at = tf.constant(iteration, "int64")
        watch(tf.constant(loss), at)
        found.append(float(rate(at)))
    return found


@pytest.mark.parametrize("call", [lambda f: f, tf.function], ids=["eager", "graph"])
@pytest.mark.parametrize("average_loss", [1, 4])
@pytest.mark.parametrize("losses", [FALLING, np.ones(20, np.float32), np.arange(20, 0, -1, dtype=np.float32)])
def test_equals_plain_python(losses, average_loss, call):
    made = schedules.schedule("plateau", **FIELDS, average_loss=average_loss)
    want, (step, least, event) = plateau.rates(losses, **FIELDS, average_loss=average_loss)
    np.testing.assert_allclose(followed(made, losses, call=call), want, rtol=1e-6)
    assert (made.current_step(len(losses)), *made.events()) == (step, pytest.approx(least), event)


def test_a_loss_that_does_not_fall_lowers_the_rate_after_each_window():
    made = schedules.schedule("plateau", **FIELDS)
    drops = np.flatnonzero(np.diff(followed(made, np.ones(20, np.float32)))) + 1
    assert drops.tolist() == [3, 8, 10]


def test_goes_on_from_a_solverstate():
    want, state = plateau.rates(FALLING[:15], **FIELDS)
    made = schedules.schedule("plateau", **FIELDS)
    made.resume(SolverState(15, None, (), *(state[0], float(state[1]), state[2])))
    want, _ = plateau.rates(FALLING[15:], **FIELDS, start=15, state=state)
    np.testing.assert_allclose(followed(made, FALLING[15:], 15), want, rtol=1e-6)


def test_forgets_and_takes_over():
    made = schedules.schedule("plateau", **FIELDS, average_loss=3)
    followed(made, FALLING[:7])
    events = made.events()
    made.forget_losses()
    assert made.events() == events
    other = schedules.schedule("plateau", base_lr=0.5, gamma=0.1, plateau_winsize=[3])
    other.go_on_from(made)
    assert other.events() == events and other.current_step(7) == min(made.current_step(7), 1)
    made.reset()
    assert made.current_step(0) == 0 and made.events()[1] == 0


def test_survives_serialisation():
    made = schedules.schedule("plateau", **FIELDS, average_loss=3)
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(made))))
    assert followed(again, FALLING) == followed(made, FALLING)
