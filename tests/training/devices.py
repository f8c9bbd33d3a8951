"""`python -m tests.training.devices JSON ARGS`: `python -m zoo.train ARGS` on a machine that is made to look otherwise.

JSON is {"cpus": logical CPU devices, "env": {variable: value}}; both may be left out.
"""

import json
import os
import runpy
import sys


def main():
    machine = json.loads(sys.argv.pop(1))
    os.environ.update(machine.get("env", {}))
    import tensorflow as tf

    if "cpus" in machine:
        cpu = tf.config.list_physical_devices("CPU")[0]
        configuration = [tf.config.LogicalDeviceConfiguration()] * machine["cpus"]
        tf.config.set_logical_device_configuration(cpu, configuration)
    runpy.run_module("zoo.train", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
