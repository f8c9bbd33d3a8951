"""Run by test_optimizers in a process of its own: the six rules on a backend that is not TensorFlow."""

import keras
import numpy as np

from tests.solvers import reference
from zoo.solvers import optimizers, schedules

SHAPES, PAIRS = [(3, 4), (5,), (2, 1, 3)], [(1.0, 1.0), (2.0, 0.5), (0.0, 1.0)]
OPTIONS = {"weight_decay": 0.02, "clip_gradients": 3.0, "iter_size": 2}
EXTRA = {"momentum": 0.8, "momentum2": 0.99, "delta": 1e-4, "rms_decay": 0.9}


def main():
    for kind, cls in optimizers.OPTIMIZERS.items():
        rng = np.random.default_rng(1)
        arrays = [rng.normal(size=shape).astype("float32") for shape in SHAPES]
        variables = [keras.Variable(array, name=f"v{i}") for i, array in enumerate(arrays)]
        options = {**OPTIONS, **{name: value for name, value in EXTRA.items() if name in cls.fields}}
        rate = schedules.MultiStep(base_lr=0.05, gamma=0.5, stepvalue=[3, 3, 9])
        optimizer = cls(rate, multipliers={v.path: pair for v, pair in zip(variables, PAIRS)}, **options)
        want = reference.Solver(kind, arrays, PAIRS, np.float64, **options)
        for i in range(20):
            grads = [rng.normal(size=shape).astype("float32") * (i % 3) for shape in SHAPES]
            optimizer.apply(grads, variables)
            want.step(grads, reference.rate("multistep", i, 0.05, gamma=0.5, stepvalue=(3, 3, 9)))
        history = (want.h + want.h2)[: len(optimizer.slots) * len(variables)]
        for got, right in zip([v.value for v in variables] + optimizer.history(variables), want.weights + history):
            np.testing.assert_allclose(np.asarray(got), right, rtol=0, atol=5e-6 * np.abs(right).max())
    print(len(optimizers.OPTIMIZERS), "rules agree on", keras.backend.backend())


main()
