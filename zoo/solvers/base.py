"""What Caffe's six solvers share: the order of a step, the multipliers and the history (sgd_solver.cpp:103-205)."""

import functools

import keras
import numpy as np
from keras import ops

from zoo.errors import CheckpointError, SolverError
from zoo.keras_internals import index_of
from zoo.solvers import checks

REGULARIZATION_TYPES = ("L2", "L1")


class CaffeOptimizer(keras.optimizers.Optimizer):
    """An ordinary Keras optimizer that updates as Caffe does; the subclasses in `optimizers` add the six rules.

    Gradients come in summed over `iter_size` batches (and, under tf.distribute, are summed over the replicas as Keras
    does). Then, in this order: scaled by clip/norm where their common L2 norm is above `clip_gradients`; divided by
    `iter_size`; decay added to them, weight_decay * decay_mult * w (L2) or * sign(w) (L1); and the rule applied with
    rate * lr_mult. The decay is thus part of the gradient and of every moment, unlike Keras's own `weight_decay`.

    A variable with lr_mult 0 counts as one with gradient 0, as Caffe does not compute it (net.cpp:176-184), and so
    does a variable for which the gradient is None.

    Args:
        learning_rate: a `Schedule` or any other that Keras takes.
        weight_decay: decay of all variables, times their decay_mult.
        regularization_type: "L2" or "L1".
        clip_gradients: largest norm of all gradients together; negative for no limit.
        iter_size: number of batches that a gradient is the sum of.
        multipliers: {variable.path: (lr_mult, decay_mult)}; (1, 1) where none is given. A path with lr_mult 0 may be
            that of a variable that is not trained.
        name: Keras's name of the object.

    Raises:
        SolverError: an argument is out of its range or, once the variables are known, a path is none of theirs.
    """

    fields = ("weight_decay", "regularization_type", "clip_gradients", "iter_size")  # SolverParameter's that it reads
    iterations: keras.Variable  # Keras's own, which it types more widely
    slots: tuple[str, ...] = ("history",)  # state arrays of a variable, in the order of a .solverstate

    def __init__(
        self,
        learning_rate,
        *,
        weight_decay=0.0,
        regularization_type="L2",
        clip_gradients=-1.0,
        iter_size=1,
        multipliers=None,
        name=None,
    ):
        CaffeOptimizer.check(
            weight_decay=weight_decay,
            regularization_type=regularization_type,
            clip_gradients=clip_gradients,
            iter_size=iter_size,
        )
        super().__init__(learning_rate=learning_rate, name=name)
        # Not `weight_decay`, which is Keras's name for decoupled decay.
        self.coupled_decay = float(weight_decay)
        self.regularization_type = regularization_type
        self.clip_gradients = float(clip_gradients)
        self.iter_size = int(iter_size)
        self.multipliers = tuple((path, *map(float, pair)) for path, pair in (multipliers or {}).items())
        self.fused = keras.backend.backend() == "tensorflow"
        self._stateless = False

    @classmethod
    def check(cls, *, weight_decay=0.0, regularization_type="L2", clip_gradients=-1.0, iter_size=1):
        """Raises SolverError for the first argument that is out of its range; subclasses add theirs."""
        checks.at_least(0, weight_decay=weight_decay)
        checks.one_of(REGULARIZATION_TYPES, regularization_type=regularization_type)
        checks.number(clip_gradients=clip_gradients)
        checks.at_least(1, iter_size=iter_size)

    def get_config(self):
        """Returns the constructor's arguments."""
        config = super().get_config()
        return {
            "name": config["name"],
            "learning_rate": config["learning_rate"],
            "weight_decay": self.coupled_decay,
            "regularization_type": self.regularization_type,
            "clip_gradients": self.clip_gradients,
            "iter_size": self.iter_size,
            "multipliers": {path: [lr_mult, decay_mult] for path, lr_mult, decay_mult in self.multipliers},
        }

    def build(self, variables):
        """Creates the state of `variables`, the ones that are trained."""
        if self.built:
            return
        super().build(variables)
        given = {path: pair for path, *pair in self.multipliers}
        paths = [getattr(variable, "path", variable.name) for variable in variables]
        # What is not learned may be named with the rest.
        if unknown := sorted(path for path, pair in given.items() if pair[0] and path not in paths):
            raise SolverError(
                "multipliers for a variable that is not trained", got=", ".join(unknown), want=", ".join(paths)
            )
        pairs = [given.get(path, (1.0, 1.0)) for path in paths]
        self._lr_mults = tuple(pair[0] for pair in pairs)
        self._decays = tuple(self.coupled_decay * pair[1] for pair in pairs)
        self._state: list[keras.Variable] = [
            self.add_variable_from_reference(v, name=slot) for slot in self.slots for v in variables
        ]

    # ---- one step ---------------------------------------------------------------------------------------------

    def _filter_empty_gradients(self, grads, variables):
        # Caffe decays a parameter that no loss depends on, too.
        if all(grad is None for grad in grads):
            raise ValueError("No gradients provided for any variable.")
        return [ops.zeros(v.shape, v.dtype) if g is None else g for g, v in zip(grads, variables)], list(variables)

    def stateless_apply(self, optimizer_variables, grads, trainable_variables):
        """As Keras has it, but on TensorFlow too: a step on tensors that changes no variable.

        Args:
            optimizer_variables: a tensor for each of `variables`.
            grads: a tensor for each variable that the optimizer was built over.
            trainable_variables: a tensor for each of these.

        Returns:
            (trainable variables, optimizer variables), the lists as they are after the step.
        """
        if keras.backend.backend() != "tensorflow":
            return super().stateless_apply(optimizer_variables, grads, trainable_variables)
        variables, fused = [*self._trainable_variables, *self.variables], self.fused
        mapping = list(zip(variables, [*trainable_variables, *optimizer_variables], strict=True))
        self._stateless, self.fused = True, False
        try:
            with keras.StatelessScope(state_mapping=mapping) as scope:
                self.apply(list(grads), self._trainable_variables)
        finally:
            self._stateless, self.fused = False, fused
        after = [scope.get_current_value(variable) for variable in variables]
        return after[: len(trainable_variables)], after[len(trainable_variables) :]

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        if not self._stateless and keras.backend.backend() == "tensorflow":
            super()._backend_update_step(grads, trainable_variables, learning_rate)
            return
        for gradient, variable in zip(self._clip(grads, trainable_variables), trainable_variables):
            self.update_step(gradient, variable, learning_rate)

    def _var_key(self, variable):
        # Within a stateless step a variable's value is a tensor, by which Keras does not know it.
        known = self._stateless and isinstance(variable, keras.Variable)
        return super()._var_key(variable._value if known else variable)

    def assign(self, variable, value):
        """Sets a variable; in a stateless step, what stands for it."""
        return variable.assign(value) if self._stateless else super().assign(variable, value)

    def assign_add(self, variable, value):
        """Adds to a variable; in a stateless step, to what stands for it."""
        return variable.assign_add(value) if self._stateless else super().assign_add(variable, value)

    def assign_sub(self, variable, value):
        """Subtracts from a variable; in a stateless step, from what stands for it."""
        return variable.assign_sub(value) if self._stateless else super().assign_sub(variable, value)

    def _all_reduce_sum_gradients(self, grads_and_vars):
        # TensorFlow only. The norm is that of the sum over replicas, so it has to wait for it.
        grads, variables = zip(*super()._all_reduce_sum_gradients(grads_and_vars))
        return list(zip(self._clip(grads, variables), variables))

    def _clip(self, grads, variables):
        """Returns `grads` clipped to their common norm and divided by iter_size."""
        scale = None
        if self.clip_gradients >= 0:
            scale = 0.0
            learned = [g for g, v in zip(grads, variables) if self._lr_mults[index_of(self, v)]]
            if self.clip_gradients and learned:
                squares = [ops.sum(ops.square(ops.cast(ops.convert_to_tensor(g), "float32"))) for g in learned]
                norm = ops.sqrt(functools.reduce(ops.add, squares))
                scale = ops.divide(self.clip_gradients, ops.maximum(norm, self.clip_gradients))
        if self.iter_size > 1:
            scale = (1.0 if scale is None else scale) / self.iter_size
        if scale is None:
            return list(grads)
        return [ops.multiply(ops.convert_to_tensor(g), ops.cast(scale, g.dtype)) for g in grads]

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable; `gradient` is summed, clipped and divided already."""
        index = index_of(self, variable)
        lr_mult, decay = self._lr_mults[index], self._decays[index]
        dtype = variable.dtype
        gradient = ops.cast(ops.convert_to_tensor(gradient), dtype)
        if lr_mult == 0:
            gradient = ops.zeros_like(gradient)
        rate = ops.cast(learning_rate, dtype)
        if lr_mult != 1:
            rate = ops.multiply(rate, ops.cast(lr_mult, dtype))
        count = len(self._lr_mults)
        state = [self._state[index + slot * count] for slot in range(len(self.slots))]
        if decay and not (self.fused and self.fused_decay(variable, rate, decay, *state)):
            weights = ops.convert_to_tensor(variable)
            pull = ops.sign(weights) if self.regularization_type == "L1" else weights
            gradient = ops.add(gradient, ops.multiply(pull, ops.cast(decay, dtype)))
        rule = self.fused_rule if self.fused else self.rule
        rule(variable, gradient, rate, *state)

    def rule(self, variable, gradient, rate, *state):
        """Updates `variable` and its `state` with keras.ops."""
        raise NotImplementedError

    def fused_rule(self, variable, gradient, rate, *state):
        """Does the same as `rule` with TensorFlow's fused kernels."""
        raise NotImplementedError

    def fused_decay(self, variable, rate, decay, *state):
        """Brings decay * variable into `state` so that `fused_rule` adds it, if that is cheaper; returns whether."""
        return False

    # ---- history ----------------------------------------------------------------------------------------------

    history_sign = 1.0  # What a state array is multiplied by to be Caffe's.

    def history(self, variables):
        """Returns Caffe's history: for each slot, an array for each variable.

        Args:
            variables: Caffe's learnable parameters in its order. One that this optimizer does not train has zeros.

        Returns:
            A list of len(slots) * len(variables) NumPy arrays, each in its variable's shape.
        """
        found = [self._state_of(variable) for variable in variables]
        return [
            self._read(state[slot]) if state else np.zeros(variable.shape, "float32")
            for slot in range(len(self.slots))
            for variable, state in zip(variables, found)
        ]

    def _read(self, state):
        # A product is a tensor, which NumPy takes without a copy and a warning; the sum turns -0 into 0.
        return ops.convert_to_numpy(ops.add(ops.multiply(state, self.history_sign), 0.0))

    def load_history(self, variables, arrays):
        """Sets the state from Caffe's history; the counterpart of `history`. Does not touch `iterations`.

        Args:
            variables: as for `history`; the arrays of one that is not trained are not used.
            arrays: len(slots) * len(variables) arrays, each in its variable's shape.

        Raises:
            CheckpointError: the number of arrays or a shape does not fit.
        """
        arrays = [np.asarray(array, "float32") for array in arrays]
        if len(arrays) != len(self.slots) * len(variables):
            raise CheckpointError(
                f"number of history arrays for {type(self).__name__} and {len(variables)} parameters",
                got=len(arrays),
                want=len(self.slots) * len(variables),
            )
        for position, array in enumerate(arrays):
            variable = variables[position % len(variables)]
            if array.shape != tuple(variable.shape):
                path = getattr(variable, "path", variable.name)
                raise CheckpointError(f"shape of the history of {path}", got=array.shape, want=tuple(variable.shape))
        for position, array in enumerate(arrays):
            state = self._state_of(variables[position % len(variables)])
            if state is not None:
                state[position // len(variables)].assign(self.history_sign * array)

    def _state_of(self, variable) -> list[keras.Variable] | None:
        if not self.built:
            raise CheckpointError("the optimizer has no variables yet", hint="call build(variables) first")
        index: int | None = index_of(self, variable)
        count = len(self._lr_mults)
        return None if index is None else [self._state[index + slot * count] for slot in range(len(self.slots))]
