"""Half precision where it is safe (Keras's dtype policies), and runs on a GPU that are equal bit for bit."""

import contextlib

import keras
import tensorflow as tf
from keras import ops

from zoo.training.replicas import all_reduce


@contextlib.contextmanager
def policy(name):
    """Context in which nets are built that compute as `name` says, one of `run_options.PRECISIONS`.

    In mixed precision layers compute in half precision. Parameters, what optimizers hold, losses, Accuracy and the sums
    of BatchNorm are of float32, and every checkpoint has a loss scale, used or not: it may resume in another precision.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def needs_loss_scale():
    """Whether gradients of the present policy would vanish in half precision unless the loss is scaled."""
    return keras.config.dtype_policy().compute_dtype == "float16"


def be_deterministic():
    """Makes TensorFlow choose kernels that give the same bits each time, at the price of speed on a GPU.

    A run on a CPU does so anyway. Data, augmentation and dropout are functions of the seed in any case.
    """
    tf.config.experimental.enable_op_determinism()


class LossScale(keras.optimizers.LossScaleOptimizer):
    """Keras's dynamic loss scale around one of our optimizers; a step whose gradients overflow changes nothing.

    It is counted, though: the rate of iteration i stays the one that the solver's policy gives for i. With several
    replicas an overflow in one is an overflow in all.

    Args:
        inner: the optimizer, whose `iterations` are those of the solver.
    """

    def build(self, variables):
        """Creates the scale and the state of `variables`."""
        if not self.built:
            super().build(variables)

    def add_variable(self, *args, **kwargs):
        """Keras leaves open how replicas assign to the scale, which TensorFlow refuses; all assign the same."""
        if kwargs.get("aggregation") == "none":
            kwargs["aggregation"] = "only_first_replica"
        return super().add_variable(*args, **kwargs)

    def _stateful_handle_finite_grads(self, grads, trainable_variables):
        # As Keras (3.15) does it, but for its cond, in which TensorFlow lets no replica assign.
        self.inner_optimizer.apply(self.unscaled(grads), trainable_variables)
        grow = ops.equal(self.step_counter, self.dynamic_growth_steps - 1)
        self.dynamic_scale.assign(ops.where(grow, self.dynamic_scale * 2.0, self.dynamic_scale))
        self.step_counter.assign(ops.where(grow, 0, self.step_counter + 1))

    def apply(self, grads, trainable_variables=None):
        """Unscales the gradients and applies them, or halves the scale where one is not finite."""
        following = self.iterations + 1
        super().apply(self._agreed(grads), trainable_variables)
        self.iterations.assign(following)

    def _agreed(self, grads):
        if tf.distribute.get_replica_context().num_replicas_in_sync == 1:
            return grads
        bad = tf.cast(tf.logical_not(self.check_finite(grads)), tf.float32)
        bad = all_reduce(tf.distribute.ReduceOp.SUM, bad)
        return [tf.where(bad > 0, tf.constant(float("nan"), g.dtype), g) for g in grads]

    def unscaled(self, grads):
        """Returns gradients of the scaled loss as those of the loss."""
        return [g / tf.cast(self.dynamic_scale, g.dtype) for g in grads]

    def reset(self):
        """Makes the scale what it is at the beginning."""
        self.dynamic_scale.assign(self.initial_scale)
        self.step_counter.assign(0)
