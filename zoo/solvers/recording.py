"""What the last update subtracted, which Caffe leaves in the blobs' diffs (solver.cpp Step, blob.cpp Update)."""

from keras import ops

from zoo.keras_internals import index_of


def recording(cls):
    """Returns a subclass of the `CaffeOptimizer` class `cls` that keeps what each update subtracts.

    The rule is applied to zeros and its result then added to the variable, as Caffe does; the difference of a variable
    before and after would have lost digits. It takes as much memory again as the variables.
    """

    class Recording(cls):
        def build(self, variables):
            """Creates the state of `variables`, and where the updates are kept."""
            if self.built:
                return
            super().build(variables)
            self._updates = [self.add_variable_from_reference(v, name="update") for v in variables]

        @property
        def updates(self):
            """The variables that hold the last updates, as added."""
            return tuple(self._updates)

        def subtracted(self, variable):
            """Returns what the last update subtracted from `variable`, an array of its shape; None if it has none."""
            index = index_of(self, variable)
            return None if index is None else ops.convert_to_numpy(ops.subtract(0.0, self._updates[index]))

        def rule(self, variable, gradient, rate, *state):
            """As `cls`, and keeps the update."""
            self._keep(super().rule, variable, gradient, rate, state)

        def fused_rule(self, variable, gradient, rate, *state, **options):
            """As `cls`, and keeps the update."""
            self._keep(super().fused_rule, variable, gradient, rate, state, **options)

        def _keep(self, rule, variable, gradient, rate, state, **options):
            kept = self._updates[index_of(self, variable)]
            update = kept.value if self.fused else kept
            self.assign(update, ops.zeros(update.shape, variable.dtype))
            rule(update, gradient, rate, *state, **options)
            self.assign_add(variable, update)

    Recording.__name__ = Recording.__qualname__ = cls.__name__  # what errors and Keras call it
    return Recording
