"""What a recurrent layer carries from one batch to the next."""

import keras
from keras import ops


class LoadState(keras.layers.Layer):
    """The values of variables, without gradient, whatever it is called on."""

    def __init__(self, variables, **kwargs):
        super().__init__(**kwargs)
        self.carried = variables

    def build(self, input_shape):
        """Creates nothing: the variables are the net's."""

    def call(self, x):
        """Returns a list of tensors."""
        return [ops.stop_gradient(ops.convert_to_tensor(variable)) for variable in self.carried]


class StoreState(keras.layers.Layer):
    """Keeps values in variables for the next batch."""

    def __init__(self, variables, **kwargs):
        super().__init__(**kwargs)
        self.carried = variables

    def build(self, input_shape):
        """Creates nothing: the variables are the net's."""

    def call(self, inputs):
        """Returns the first of [x, value, value, ...] after storing the rest."""
        x, *values = inputs
        for variable, value in zip(self.carried, values):
            variable.assign(ops.cast(value, variable.dtype))
        return x
