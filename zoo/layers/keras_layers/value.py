"""A variable's value as a tensor of the graph."""

import keras
from keras import ops


class Value(keras.layers.Layer):
    """The value of one variable as a tensor, whatever it is called on."""

    def __init__(self, variable, **kwargs):
        super().__init__(**kwargs)
        self.variable = variable

    def build(self, input_shape):
        """Creates nothing: the variables are the net's."""

    def call(self, inputs):
        """Returns the variable's value, in the layer's compute dtype."""
        return ops.convert_to_tensor(self.variable.value)
