"""What pycaffe sets for the whole process: the device and the seed."""

import numpy as np

from zoo.errors import UnsupportedError
from zoo.pycaffe.errors import also

_state = {"gpu": False, "device": 0, "random": None}


def set_mode_cpu():
    """Makes everything run on the CPU from now on, as it does from the start."""
    _state["gpu"] = False


def set_mode_gpu():
    """Makes everything run on the GPU of `set_device` (0 by default) from now on; UnsupportedError without one."""
    _check_gpu(_state["device"])
    _state["gpu"] = True


def set_device(device):
    """Chooses the GPU by number; UnsupportedError where there is no such one."""
    _check_gpu(device)
    _state["device"] = int(device)


def set_random_seed(seed):
    """Makes fillers, Dropout and whatever else is random repeat from here on."""
    _state["random"] = np.random.default_rng(int(seed))


def draw_seed():
    """Returns the seed for the next net."""
    if _state["random"] is None:
        return int.from_bytes(np.random.bytes(4), "big")
    return int(_state["random"].integers(2**32))


def device():
    """Returns TensorFlow's name of the device to run on."""
    return f"/GPU:{_state['device']}" if _state["gpu"] else "/CPU:0"


def _check_gpu(number):
    import tensorflow as tf

    count = len(tf.config.list_physical_devices("GPU"))
    if not 0 <= int(number) < count:
        want = f"0..{count - 1}" if count else "set_mode_cpu(): TensorFlow sees no GPU here"
        raise also(UnsupportedError, RuntimeError)("no such GPU", got=number, want=want)
