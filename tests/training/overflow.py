"""Run by test_precision in a process of its own: a gradient that overflows on one of two devices."""

import keras
import numpy as np
import tensorflow as tf

from zoo.solvers.optimizers import SGD
from zoo.training.precision import LossScale


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        variable = keras.Variable(np.ones(2, np.float32), name="v")
        inner = SGD(0.5)
        inner.build([variable])
        scaled = LossScale(inner, initial_scale=8.0)
        scaled.build([variable])

    def replica(both):
        mine = tf.distribute.get_replica_context().replica_id_in_sync_group
        scaled.apply([tf.gather(both, mine)], [variable])

    step = tf.function(lambda both: strategy.run(replica, (both,)))
    for both in ([[1.0, 2.0], [3.0, np.inf]], [[1.0, 2.0], [3.0, 4.0]]):
        step(tf.constant(both, tf.float32))
        copies = [copy.numpy().tolist() for copy in strategy.experimental_local_results(variable.value)]
        print(copies, scaled.dynamic_scale.numpy(), inner.iterations.numpy())


if __name__ == "__main__":
    main()
