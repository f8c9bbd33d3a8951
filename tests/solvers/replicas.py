"""Run by test_optimizers in a process of its own: the six rules on two replicas of one machine."""

import keras
import numpy as np
import tensorflow as tf

from tests.solvers import reference
from zoo.solvers import optimizers, schedules

SHAPES, PAIRS = [(3, 4), (5,)], [(1.0, 1.0), (2.0, 0.5)]
OPTIONS = {"weight_decay": 0.02, "clip_gradients": 4.0, "iter_size": 2}
EXTRA = {"momentum": 0.8, "momentum2": 0.99, "delta": 1e-4, "rms_decay": 0.9}


def stepper(strategy, optimizer, variables):
    """Returns a function from [gradients of both replicas, stacked] that makes one update."""

    def replica(both):
        mine = tf.distribute.get_replica_context().replica_id_in_sync_group
        optimizer.apply([tf.gather(pair, mine) for pair in both], variables)

    return tf.function(lambda both: strategy.run(replica, (both,)))


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    for kind, cls in optimizers.OPTIMIZERS.items():
        rng = np.random.default_rng(1)
        arrays = [rng.normal(size=shape).astype("float32") for shape in SHAPES]
        options = {**OPTIONS, **{name: value for name, value in EXTRA.items() if name in cls.fields}}
        with strategy.scope():
            variables = [keras.Variable(array, name=f"v{i}") for i, array in enumerate(arrays)]
            rate = schedules.Exp(base_lr=0.05, gamma=0.9)
            optimizer = cls(rate, multipliers={v.path: pair for v, pair in zip(variables, PAIRS)}, **options)
            optimizer.build(variables)

        step = stepper(strategy, optimizer, variables)
        want = reference.Solver(kind, arrays, PAIRS, np.float64, **options)
        clipped = 0
        for i in range(20):
            both = [rng.normal(size=(2, *shape)).astype("float32") * (i % 3) for shape in SHAPES]
            step(both)
            clipped += want.step([pair.sum(0) for pair in both], reference.rate("exp", i, 0.05, gamma=0.9))
        if not 0 < clipped < 20:
            raise SystemExit(f"clipping acted in {clipped} of 20 steps and proves nothing")
        history = (want.h + want.h2)[: len(optimizer.slots) * len(variables)]
        got = [copy.numpy() for v in variables for copy in v.value.values]
        right = [array for array in want.weights for _ in range(2)]
        for a, b in zip(got + optimizer.history(variables), right + history):
            np.testing.assert_allclose(a, b, rtol=0, atol=5e-6 * np.abs(b).max())
        restored = [np.full_like(array, 0.25) for array in history]
        optimizer.load_history(variables, restored)
        for a, b in zip(optimizer.history(variables), restored):
            np.testing.assert_array_equal(a, b)
    print(len(optimizers.OPTIMIZERS), "rules agree on", strategy.num_replicas_in_sync, "replicas")


main()
