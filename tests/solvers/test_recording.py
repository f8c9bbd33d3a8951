"""Updates that are kept are those of the rule, to all their digits, and change nothing."""

import keras
import numpy as np
import pytest

from tests.solvers import reference
from zoo.solvers.optimizers import OPTIMIZERS
from zoo.solvers.recording import recording
from zoo.solvers.schedules import schedule

OPTIONS = {
    "SGD": {"momentum": 0.9},
    "Nesterov": {"momentum": 0.9},
    "AdaGrad": {},
    "RMSProp": {"rms_decay": 0.9},
    "AdaDelta": {"momentum": 0.95, "delta": 1e-6},
    "Adam": {"momentum": 0.9, "momentum2": 0.99},
}
MULTIPLIERS = ((1, 1), (2, 0), (0, 1))


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("kind", OPTIONS)
def test_what_was_subtracted(kind, fused):
    """Weights of some 1000 and updates of some 1e-4: the difference of the weights has two digits of them."""
    rng, rate = np.random.default_rng(4), {"AdaDelta": 0.1}.get(kind, 1e-4)
    start = [rng.normal(1000, 100, shape).astype(np.float32) for shape in ((3, 5), (4,), (2, 3))]
    options = {**OPTIONS[kind], "weight_decay": 1e-3}
    want = reference.Solver(kind, start, MULTIPLIERS, np.float64, **options)
    variables, optimizers = [], []
    for cls in (recording(OPTIMIZERS[kind]), OPTIMIZERS[kind]):
        own = [keras.Variable(array, name=f"w{i}") for i, array in enumerate(start)]
        multipliers = {v.path: pair for v, pair in zip(own, MULTIPLIERS)}
        optimizer = cls(schedule("fixed", base_lr=rate), multipliers=multipliers, **options)
        optimizer.build(own)
        optimizer.fused = fused
        variables.append(own)
        optimizers.append(optimizer)
    kept, plain = optimizers
    for _ in range(4):
        gradients = [rng.normal(size=array.shape).astype(np.float32) for array in start]
        before = [w.copy() for w in want.weights]
        want.step(gradients, rate)
        for optimizer, own in zip(optimizers, variables):
            optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients], own)
        for old, new, variable, (lr_mult, _) in zip(before, want.weights, variables[0], MULTIPLIERS):
            got = kept.subtracted(variable)
            assert got.shape == old.shape and got.dtype == np.float32
            assert bool(got.any()) == bool(lr_mult)
            np.testing.assert_allclose(got, old - new, rtol=2e-5, atol=1e-5 * np.abs(old - new).max())
    for one, other in zip(*variables):
        assert np.abs(one.numpy() - other.numpy()).max() <= 1e-7 * 2000
    assert kept.history(variables[0])[0].any()
    for one, other in zip(kept.history(variables[0]), plain.history(variables[1])):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6 * np.abs(other).max())
    assert type(kept).__name__ == kind


def test_of_a_variable_that_it_does_not_hold_there_is_none():
    variables = [keras.Variable(np.ones(3, np.float32), name=name) for name in "ab"]
    optimizer = recording(OPTIMIZERS["SGD"])(0.1)
    optimizer.build(variables[:1])
    optimizer.apply([keras.ops.ones(3)], variables[:1])
    assert optimizer.subtracted(variables[1]) is None
    np.testing.assert_allclose(optimizer.subtracted(variables[0]), np.full(3, 0.1), rtol=1e-6)
