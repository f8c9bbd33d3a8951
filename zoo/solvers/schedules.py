"""Caffe's seven learning rate policies as Keras schedules (sgd_solver.cpp:27-80), and SSD's plateau.

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

    # ---- what a policy does that follows the loss, as `Plateau` does; all others have nothing to do ----

    kept: Any = None  # the variable in which it remembers

    def watch(self, loss, iteration):
        """Takes the loss of `iteration`, a scalar, before its update is made."""
        del loss, iteration  # a body, without which AutoGraph warns that it cannot read the method

    def forget_losses(self):
        """Begins to smooth the losses again."""

    def reset(self):
        """Forgets everything."""

    def go_on_from(self, before):
        """Takes over what a policy remembers whose fields were others."""

    def resume(self, state):
        """Takes what a `SolverState` has of it."""

    def events(self) -> tuple:
        """Returns (the least loss, iteration of the last event), which a .solverstate of SSD's has besides; or ()."""
        return ()


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


@_register
class Plateau(Schedule):
    """base_lr * gamma ^ current_step, which grows where the loss has found no new least for a while.

    It is of weiliu89/caffe@ssd. `watch` is told the loss of each iteration before its update. The loss is smoothed over
    `average_loss` iterations, as it is shown (solver.cpp:623-636). Where plateau_winsize[current_step] iterations have
    passed since the last new least loss, or the last drop, the next drop comes (sgd_solver.cpp:60-90).

    Attributes:
        kept: what it remembers, a variable: current_step, least loss, iteration of the last of those events, smoothed
            loss, number of losses, and the window of losses.
    """

    fields = ("base_lr", "gamma", "plateau_winsize", "average_loss")

    def __init__(self, base_lr, gamma, plateau_winsize, average_loss=1):
        checks.at_least(0, base_lr=base_lr, gamma=gamma)
        if not plateau_winsize:
            raise SolverError("plateau_winsize", got="none", want="one or more")
        for value in plateau_winsize:
            checks.at_least(0, plateau_winsize=value)
        self.base_lr, self.gamma, self.average_loss = float(base_lr), float(gamma), max(int(average_loss), 1)
        self.plateau_winsize = [int(value) for value in plateau_winsize]
        counts = np.arange(len(self.plateau_winsize) + 1)
        self._rates = (np.float64(np.float32(base_lr)) * np.float64(np.float32(gamma)) ** counts).astype("float32")
        self.kept = keras.Variable(self._begin(), dtype="float64", trainable=False, name="plateau")

    def _remembered(self) -> Any:
        # A sum is a tensor, which NumPy takes without a copy and a warning.
        return ops.convert_to_numpy(ops.add(self.kept, 0.0))

    def _begin(self):
        return np.array([0, np.finfo("float32").max, 0, 0, 0, *[0] * self.average_loss])

    def __call__(self, step):
        """Returns the rate as of the last loss; `step` does not matter."""
        remembered: Any = ops.convert_to_tensor(self.kept)
        return ops.take(_number(self._rates), ops.cast(remembered[0], "int32"))

    def watch(self, loss, iteration):
        """As `Schedule.watch`."""
        remembered: Any = ops.convert_to_tensor(self.kept)
        step, least, event, smoothed, count = (remembered[i] for i in range(5))
        window: Any = remembered[5:]
        loss, size = _number(loss), self.average_loss
        now: Any = ops.cast(iteration, "float64")
        place = ops.mod(ops.cast(count, "int32"), size)
        old, smoothed = _number(ops.take(window, place)), _number(smoothed)
        filled = _number(ops.minimum(count + 1, size))
        smoothed = ops.where(count < size, (smoothed * (filled - 1) + loss) / filled, smoothed + (loss - old) / size)
        window = ops.where(np.arange(size) == place, ops.cast(loss, "float64"), window)
        better = smoothed < _number(least)
        least, event = ops.where(better, ops.cast(smoothed, "float64"), least), ops.where(better, now, event)
        waits: Any = ops.take(np.array([*self.plateau_winsize, np.inf]), ops.cast(step, "int32"))
        drops = now >= event + waits
        step, event = ops.where(drops, step + 1, step), ops.where(drops, now, event)
        self.kept.assign(ops.concatenate([ops.stack([step, least, event, smoothed, count + 1]), window]))

    def forget_losses(self):
        """Begins to smooth again, as Caffe does with each call of its solver's Step."""
        self.kept.assign(np.concatenate([self._remembered()[:3], self._begin()[3:]]))

    def reset(self):
        """Forgets everything."""
        self.kept.assign(self._begin())

    def go_on_from(self, before):
        """Takes over the events of a Plateau whose fields were others."""
        if before.kept is None:
            return
        events = before._remembered()[:3]
        self.kept.assign(np.concatenate([[min(events[0], len(self.plateau_winsize))], events[1:], self._begin()[3:]]))

    def current_step(self, iteration):
        """Returns the number of drops so far."""
        return int(self._remembered()[0])

    def events(self):
        """The least loss and the iteration of the last event."""
        _, least, event, *_ = self._remembered().tolist()
        return least, int(event)

    def resume(self, state):
        """Goes on as the `SolverState` says."""
        step = min(state.current_step, len(self.plateau_winsize))
        self.kept.assign([step, state.minimum_loss, state.iter_last_event, *self._begin()[3:]])


POLICIES = {
    "fixed": Fixed,
    "step": Step,
    "exp": Exp,
    "inv": Inv,
    "multistep": MultiStep,
    "poly": Poly,
    "sigmoid": Sigmoid,
    "plateau": Plateau,
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
    checks.one_of(POLICIES, lr_policy=lr_policy)
    cls, fields = POLICIES[lr_policy], {"average_loss": 1} | fields
    for name in cls.fields:
        if fields.get(name) is None:
            hint = f"Caffe would take 0; write {name}: 0 if that is meant" if name in ("gamma", "power") else None
            raise SolverError(name, got="none", want=f'a value, which lr_policy "{lr_policy}" uses', hint=hint)
    return cls(**{name: fields[name] for name in cls.fields})
