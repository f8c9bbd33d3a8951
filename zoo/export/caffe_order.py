"""A Keras function seen as Caffe's users see it: {blob: array} in, {blob: array} out, arrays in Caffe's order."""

import keras
import numpy as np

from zoo.layers.ops.layout import from_caffe, to_caffe


def in_caffe_order(conversion, run, names):
    """Returns a function from {input blob: array} to {output blob: array}, all of Caffe's shapes.

    Args:
        conversion: the `Conversion`, whose outputs it gives.
        run: from ({input: Keras tensor}, training) to a tensor or {blob: tensor}.
        names: {blob: name of the input for `run`}.
    """

    def called(arrays):
        feeds = {names[blob]: from_caffe(keras.ops.convert_to_tensor(array)) for blob, array in arrays.items()}
        given = run(feeds, training=conversion.phase == "TRAIN")
        if not isinstance(given, dict):
            given = {next(iter(conversion.outputs)): given}
        return {blob: np.asarray(keras.ops.convert_to_numpy(to_caffe(value))) for blob, value in given.items()}

    return called
