"""Caffe's six update rules as Keras optimizers. Below, g is the gradient of `CaffeOptimizer` and l = rate * lr_mult.

On TensorFlow a rule is one fused kernel where TensorFlow has one that computes the same.
"""

import math

import keras
import numpy as np
from keras import ops

from zoo.solvers import checks
from zoo.solvers.base import CaffeOptimizer

_register = keras.saving.register_keras_serializable(package="zoo")


def _kernels():
    """Returns TensorFlow's kernels; only reached on that backend."""
    import tensorflow as tf

    return tf.raw_ops


def _mix(old, new, keep):
    """Returns keep * old + (1 - keep) * new."""
    return ops.add(ops.multiply(old, keep), ops.multiply(new, 1.0 - keep))


class _Momentum(CaffeOptimizer):
    """The constructor of the rules with a momentum; default 0, as in Caffe."""

    fields = (*CaffeOptimizer.fields, "momentum")

    def __init__(self, learning_rate, *, momentum=0.0, **kwargs):
        self.check(momentum=momentum)
        super().__init__(learning_rate, **kwargs)
        self.momentum = float(momentum)

    @classmethod
    def check(cls, *, momentum=0.0, **fields):
        """Raises SolverError for the first argument that is out of its range."""
        checks.below_one(momentum=momentum)
        super().check(**fields)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "momentum": self.momentum}


class _Delta(CaffeOptimizer):
    """The constructor of the rules that divide, with `delta` against division by 0."""

    fields = (*CaffeOptimizer.fields, "delta")

    def __init__(self, learning_rate, *, delta=1e-8, **kwargs):
        self.check(delta=delta)
        super().__init__(learning_rate, **kwargs)
        self.delta = float(delta)

    @classmethod
    def check(cls, *, delta=1e-8, **fields):
        """Raises SolverError for the first argument that is out of its range."""
        checks.at_least(0, delta=delta)
        super().check(**fields)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "delta": self.delta}


@_register
class SGD(_Momentum):
    """h = momentum * h + l * g; w -= h (sgd_solver.cpp:225-254)"""

    history_sign = -1.0  # The state is -h, as TensorFlow's kernel has it.
    nesterov = False

    def rule(self, variable, gradient, rate, history):
        """Updates `variable` and `history` with keras.ops."""
        step = ops.multiply(gradient, rate)
        self.assign(history, ops.subtract(ops.multiply(history, self.momentum), step))
        change = ops.subtract(ops.multiply(history, self.momentum), step) if self.nesterov else history
        self.assign_add(variable, change)

    def fused_rule(self, variable, gradient, rate, history):
        """Does the same with TensorFlow's kernel."""
        _kernels().ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=history.value.handle,
            lr=rate,
            grad=gradient,
            momentum=ops.cast(self.momentum, variable.dtype),
            use_nesterov=self.nesterov,
        )

    def fused_decay(self, variable, rate, decay, history):
        """Adds what decay makes of the step, over momentum, to the history: momentum * (h + l/momentum * decay * w).

        That is one pass in place where the sum of gradient and decay takes two and as much memory as the weights.
        A small momentum would lose digits on the way, and Nesterov's step takes the gradient alongside the history.
        """
        if self.nesterov or self.momentum < 0.5 or self.regularization_type != "L2":
            return False
        alpha = ops.multiply(rate, ops.cast(decay / self.momentum, variable.dtype))
        weights = ops.convert_to_tensor(variable)
        _kernels().ResourceApplyGradientDescent(var=history.value.handle, alpha=alpha, delta=weights)
        return True


@_register
class Nesterov(SGD):
    """h' = momentum * h + l * g; w -= (1 + momentum) * h' - momentum * h, which is momentum * h' + l * g.

    nesterov_solver.cpp:14-53
    """

    nesterov = True


@_register
class AdaGrad(_Delta):
    """h += g^2; w -= l * g / (sqrt(h) + delta) (adagrad_solver.cpp:13-60)"""

    def rule(self, variable, gradient, rate, history):
        """Updates `variable` and `history` with keras.ops."""
        self.assign_add(history, ops.square(gradient))
        self.assign_sub(variable, ops.divide(ops.multiply(gradient, rate), ops.add(ops.sqrt(history), self.delta)))

    def fused_rule(self, variable, gradient, rate, history, update_history=True):
        """Does the same with TensorFlow's kernel."""
        _kernels().ResourceApplyAdagradV2(
            var=variable.handle,
            accum=history.value.handle,
            lr=rate,
            epsilon=ops.cast(self.delta, variable.dtype),
            grad=gradient,
            update_slots=update_history,
        )


@_register
class RMSProp(AdaGrad):
    """h = rms_decay * h + (1 - rms_decay) * g^2; w -= l * g / (sqrt(h) + delta) (rmsprop_solver.cpp:13-64)"""

    fields = (*AdaGrad.fields, "rms_decay")

    def __init__(self, learning_rate, *, rms_decay=0.99, **kwargs):
        self.check(rms_decay=rms_decay)
        super().__init__(learning_rate, **kwargs)
        self.rms_decay = float(rms_decay)

    @classmethod
    def check(cls, *, rms_decay=0.99, **fields):
        """Raises SolverError for the first argument that is out of its range."""
        checks.below_one(rms_decay=rms_decay)
        super().check(**fields)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "rms_decay": self.rms_decay}

    def rule(self, variable, gradient, rate, history):
        """Updates `variable` and `history` with keras.ops."""
        self.assign(history, _mix(history, ops.square(gradient), self.rms_decay))
        self.assign_sub(variable, ops.divide(ops.multiply(gradient, rate), ops.add(ops.sqrt(history), self.delta)))

    def fused_rule(self, variable, gradient, rate, history):
        """Does the same with TensorFlow's kernel for AdaGrad, whose last half this is.

        TensorFlow's own RMSProp kernel has delta inside the root.
        """
        self.assign(history, _mix(history, ops.square(gradient), self.rms_decay))
        super().fused_rule(variable, gradient, rate, history, update_history=False)


@_register
class AdaDelta(_Momentum, _Delta):
    """d = g * sqrt((u + delta) / (h + delta)); w -= l * d (adadelta_solver.cpp:27-107).

    h = momentum * h + (1 - momentum) * g^2 comes before it, u = momentum * u + (1 - momentum) * d^2 after it.
    """

    fields = (*_Momentum.fields, "delta")
    slots = ("gradients", "updates")

    def rule(self, variable, gradient, rate, gradients, updates):
        """Updates `variable`, `gradients` (h) and `updates` (u) with keras.ops."""
        self.assign(gradients, _mix(gradients, ops.square(gradient), self.momentum))
        ratio = ops.divide(ops.add(updates, self.delta), ops.add(gradients, self.delta))
        update = ops.multiply(gradient, ops.sqrt(ratio))
        self.assign(updates, _mix(updates, ops.square(update), self.momentum))
        self.assign_sub(variable, ops.multiply(update, rate))

    def fused_rule(self, variable, gradient, rate, gradients, updates):
        """Does the same with TensorFlow's kernel."""
        _kernels().ResourceApplyAdadelta(
            var=variable.handle,
            accum=gradients.value.handle,
            accum_update=updates.value.handle,
            lr=rate,
            rho=ops.cast(self.momentum, variable.dtype),
            epsilon=ops.cast(self.delta, variable.dtype),
            grad=gradient,
        )


@_register
class Adam(_Momentum, _Delta):
    """w -= l * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + delta) with t = iter + 1 (adam_solver.cpp:28-80).

    m = b1 * m + (1 - b1) * g; v = b2 * v + (1 - b2) * g^2. b1 is `momentum`, 0 unless given as in Caffe, and b2 is
    `momentum2`. t follows `iterations`, so a restored run has to restore that too.
    """

    fields = (*_Momentum.fields, "delta", "momentum2")
    slots = ("first", "second")

    def __init__(self, learning_rate, *, momentum2=0.999, **kwargs):
        self.check(momentum2=momentum2)
        super().__init__(learning_rate, **kwargs)
        self.momentum2 = float(momentum2)

    @classmethod
    def check(cls, *, momentum2=0.999, **fields):
        """Raises SolverError for the first argument that is out of its range."""
        checks.below_one(momentum2=momentum2)
        super().check(**fields)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "momentum2": self.momentum2}

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        count = ops.add(ops.cast(self.iterations, "float32"), 1.0)
        correction = ops.divide(
            ops.sqrt(_one_minus_power(self.momentum2, count)), _one_minus_power(self.momentum, count)
        )
        super()._backend_update_step(grads, trainable_variables, ops.multiply(learning_rate, correction))

    def rule(self, variable, gradient, rate, first, second):
        """Updates `variable`, `first` (m) and `second` (v) with keras.ops; the correction is in `rate`."""
        self.assign(first, _mix(first, gradient, self.momentum))
        self.assign(second, _mix(second, ops.square(gradient), self.momentum2))
        self.assign_sub(variable, ops.divide(ops.multiply(first, rate), ops.add(ops.sqrt(second), self.delta)))

    def fused_rule(self, variable, gradient, rate, first, second):
        """Does the same with TensorFlow's kernel, whose own correction is 1 for powers of 0."""
        dtype = variable.dtype
        _kernels().ResourceApplyAdam(
            var=variable.handle,
            m=first.value.handle,
            v=second.value.handle,
            beta1_power=ops.cast(0.0, dtype),
            beta2_power=ops.cast(0.0, dtype),
            lr=rate,
            beta1=ops.cast(self.momentum, dtype),
            beta2=ops.cast(self.momentum2, dtype),
            epsilon=ops.cast(self.delta, dtype),
            grad=gradient,
        )


def _one_minus_power(base, count):
    """Returns 1 - base^count without the cancellation that float32 would suffer near 1."""
    if base == 0:
        return ops.ones_like(count)
    # Caffe holds the base as a float32 (and takes the power in double), so the logarithm is of that number.
    return ops.negative(ops.expm1(ops.multiply(count, math.log(np.float32(base)))))


OPTIMIZERS = {
    "SGD": SGD,
    "Nesterov": Nesterov,
    "AdaGrad": AdaGrad,
    "RMSProp": RMSProp,
    "AdaDelta": AdaDelta,
    "Adam": Adam,
}
