"""Caffe's seven learning rate policies as Keras schedules (sgd_solver.cpp:27-80).

The argument is the iteration, counted from 0, and the value a float32 scalar. Numbers are float32 as in Caffe; a power
may differ from its double-precision one in the last place.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.errors import SolverError
from zoo.solvers import checks

_register = keras.saving.register_keras_serializable(package="zoo")


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The base of all policies; `fields` names the constructor's arguments, which are SolverParameter's fields."""

    fields: tuple[str, ...] = ("base_lr",)

    def get_config(self):
        """Returns the fields by name."""
        return {name: getattr(self, name) for name in self.fields}

    def current_step(self, iteration):
        """Returns the `current_step` that Caffe would save after `iteration` updates; 0 where a policy has none."""
        return 0

    def restored(self, iteration, current_step):
        """Returns this policy as it resumes from a .solverstate that holds `iteration` and `current_step`."""
        return self


# A backend's tensor has no type of its own in keras.ops, so Any.
def _number(value) -> Any:
    return ops.convert_to_tensor(value, "float32")


def _count(iterations) -> Any:
    return ops.cast(iterations, "float32")


@_register
class Fixed(Schedule):
    """base_lr"""

    def __init__(self, base_lr):
        checks.at_least(0, base_lr=base_lr)
        self.base_lr = float(base_lr)

    def __call__(self, step):
        """Returns the rate at iteration `step`."""
        return _number(self.base_lr)


@_register
class Step(Schedule):
    """base_lr * gamma ^ floor(iter / stepsize)"""

    fields = ("base_lr", "gamma", "stepsize")

    def __init__(self, base_lr, gamma, stepsize):
        checks.at_least(0, base_lr=base_lr, gamma=gamma)
        checks.at_least(1, stepsize=stepsize)
        self.base_lr, self.gamma, self.stepsize = float(base_lr), float(gamma), int(stepsize)

    def __call__(self, step):
        """Returns the rate at iteration `step`."""
        # Whole numbers are divided as such: float32 would be wrong near a boundary beyond 2^24.
        drops = _count(ops.floor_divide(step, self.stepsize))
        return _number(self.base_lr) * ops.power(_number(self.gamma), drops)

    def current_step(self, iteration):
        """Returns the number of drops by the last of `iteration` updates."""
        return max(iteration - 1, 0) // self.stepsize


@_register
class Exp(Schedule):
    """base_lr * gamma ^ iter"""

    fields = ("base_lr", "gamma")

    def __init__(self, base_lr, gamma):
        checks.at_least(0, base_lr=base_lr, gamma=gamma)
        self.base_lr, self.gamma = float(base_lr), float(gamma)

    def __call__(self, step):
        """Returns the rate at iteration `step`."""
        return _number(self.base_lr) * ops.power(_number(self.gamma), _count(step))


@_register
class Inv(Schedule):
    """base_lr * (1 + gamma * iter) ^ -power"""

    fields = ("base_lr", "gamma", "power")

    def __init__(self, base_lr, gamma, power):
        checks.at_least(0, base_lr=base_lr, gamma=gamma)
        checks.number(power=power)
        self.base_lr, self.gamma, self.power = float(base_lr), float(gamma), float(power)

    def __call__(self, step):
        """Returns the rate at iteration `step`."""
        grown = 1.0 + _number(self.gamma) * _count(step)
        return _number(self.base_lr) * ops.power(grown, _number(-self.power))


@_register
class MultiStep(Schedule):
    """base_lr * gamma ^ current_step, where current_step grows by at most one an iteration.

    Caffe asks once an iteration whether the next of `stepvalue` is reached (sgd_solver.cpp:50-59). Equal or falling
    values are therefore passed one an iteration. That gives each drop the iteration where it takes effect, and the
    rate is again a function of the iteration alone.

    Args:
        base_lr, gamma: as in the formula.
        stepvalue: iterations, in the file's order.
        restored_iter, restored_step: what a restored .solverstate says; see `restored`.
    """

    fields = ("base_lr", "gamma", "stepvalue")

    def __init__(self, base_lr, gamma, stepvalue, restored_iter=0, restored_step=0):
        checks.at_least(0, base_lr=base_lr, gamma=gamma, restored_iter=restored_iter, restored_step=restored_step)
        if not stepvalue:
            raise SolverError("stepvalue", got="none", want="one or more")
        for value in stepvalue:
            checks.at_least(0, stepvalue=value)
        self.base_lr, self.gamma, self.stepvalue = float(base_lr), float(gamma), [int(value) for value in stepvalue]
        self.restored_iter, self.restored_step = int(restored_iter), int(restored_step)
        # A step beyond the last value stays (Caffe's current_step is only ever compared and raised to a power).
        self._drops, earliest = [], self.restored_iter
        for value in self.stepvalue[self.restored_step :]:
            self._drops.append(max(earliest, value))
            earliest = self._drops[-1] + 1
        counts = np.arange(self.restored_step, self.restored_step + len(self._drops) + 1)
        self._rates = (np.float64(np.float32(base_lr)) * np.float64(np.float32(gamma)) ** counts).astype("float32")

    def restored(self, iteration, current_step):
        """Returns this policy with the drops that are left after a .solverstate."""
        return MultiStep(self.base_lr, self.gamma, self.stepvalue, iteration, current_step)

    def get_config(self):
        """Returns the fields by name, and what was restored."""
        return {**super().get_config(), "restored_iter": self.restored_iter, "restored_step": self.restored_step}

    def __call__(self, step):
        """Returns the rate at iteration `step`, which is not before `restored_iter`."""
        if not self._drops:
            return _number(self._rates[0])
        iteration: Any = ops.convert_to_tensor(step)
        drops = ops.convert_to_tensor(self._drops, keras.backend.standardize_dtype(iteration.dtype))
        passed = ops.sum(ops.cast(ops.greater_equal(iteration, drops), "int32"))
        return ops.take(_number(self._rates), passed)

    def current_step(self, iteration):
        """Returns the number of drops by the last of `iteration` updates."""
        return self.restored_step + sum(drop < iteration for drop in self._drops)


@_register
class Poly(Schedule):
    """base_lr * (1 - iter / max_iter) ^ power"""

    fields = ("base_lr", "power", "max_iter")

    def __init__(self, base_lr, power, max_iter):
        checks.at_least(0, base_lr=base_lr, max_iter=max_iter)
        checks.number(power=power)
        self.base_lr, self.power, self.max_iter = float(base_lr), float(power), int(max_iter)

    def __call__(self, step):
        """Returns the rate at iteration `step`."""
        # With max_iter 0, which trains nothing, only iteration 0 can be asked for: there the rate is base_lr.
        done = _count(step) / _number(float(max(self.max_iter, 1)))
        return _number(self.base_lr) * ops.power(1.0 - done, _number(self.power))


@_register
class Sigmoid(Schedule):
    """base_lr / (1 + exp(-gamma * (iter - stepsize)))"""

    fields = ("base_lr", "gamma", "stepsize")

    def __init__(self, base_lr, gamma, stepsize):
        checks.at_least(0, base_lr=base_lr, gamma=gamma)
        checks.at_least(1, stepsize=stepsize)
        self.base_lr, self.gamma, self.stepsize = float(base_lr), float(gamma), int(stepsize)

    def __call__(self, step):
        """Returns the rate at iteration `step`."""
        past = _count(step) - float(self.stepsize)
        return _number(self.base_lr) * ops.divide(1.0, ops.add(1.0, ops.exp(_number(-self.gamma) * past)))


POLICIES = {
    "fixed": Fixed,
    "step": Step,
    "exp": Exp,
    "inv": Inv,
    "multistep": MultiStep,
    "poly": Poly,
    "sigmoid": Sigmoid,
}


def schedule(lr_policy: str, **fields) -> Schedule:
    """Returns the `Schedule` of a policy.

    Args:
        lr_policy: a key of `POLICIES`.
        **fields: SolverParameter's fields by name; None (or no stepvalue) for those a file does not set. What the
            policy does not use is not looked at, as in Caffe.

    Raises:
        SolverError: the policy is unknown, a field it uses is not set, or a value is out of its range.

    Example:
        >>> rate = schedule("step", base_lr=0.1, gamma=0.5, stepsize=100)
        >>> round(float(rate(99)), 6), round(float(rate(100)), 6)
        (0.1, 0.05)
    """
    if lr_policy == "plateau":
        hint = "SSD's policy follows the loss; multistep with the iterations where it lowered the rate does the same"
        raise SolverError("lr_policy", got='"plateau"', want="one of " + ", ".join(POLICIES), hint=hint)
    checks.one_of(POLICIES, lr_policy=lr_policy)
    cls = POLICIES[lr_policy]
    for name in cls.fields:
        if fields.get(name) is None:
            hint = f"Caffe would take 0; write {name}: 0 if that is meant" if name in ("gamma", "power") else None
            raise SolverError(name, got="none", want=f'a value, which lr_policy "{lr_policy}" uses', hint=hint)
    return cls(**{name: fields[name] for name in cls.fields})
