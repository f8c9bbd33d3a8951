"""The `.keras` file: one archive that plain Keras 3 loads, with nothing of ours installed, and that we train from."""

import contextlib
import warnings

import keras
import numpy as np

from zoo.export import output_path
from zoo.formats import keras_weights
from zoo.formats.layer_keys import layer_keys
from zoo.keras_internals import all_layers


def write(exported, conversion, path):
    """Writes an `Exported` to `path`, which ends in ".keras", whole or not at all.

    Raises:
        UnsupportedError: a layer is not one of Keras's own.
        OutputError: the file cannot be written.
    """
    exported.check_stock(conversion)
    with output_path.replacing(path) as partial, no_copy_warning():
        exported.model.save(partial)
        keras_weights.add(partial, conversion.net.definition.name, _blobs(conversion.net, exported.model))


def _blobs(net, model):
    """Returns {Caffe layer: its blobs, as `keras_weights` has them} of the layers whose blobs are all in `model`.

    Layers of one name are told apart by `layer_keys` of the layers that have parameters, as where they are loaded.
    """
    able = [layer for layer in net.layers if layer.parameters]
    keys = layer_keys(layer.definition.name for layer in able)
    places = {}
    for layer in all_layers(model):
        stored = {}
        layer.save_own_variables(stored)  # Keras's own order, which differs from that of `layer.variables`
        for number, variable in stored.items():
            places.setdefault(id(variable), (layer.name, int(number)))
    return {
        key: [_blob(parameter.spec, *places[id(parameter.variable)]) for parameter in layer.parameters]
        for key, layer in zip(keys, able)
        if all(id(parameter.variable) in places for parameter in layer.parameters)
    }


def _blob(spec, layer, number):
    moved, axes = spec.keras_shape, range(len(spec.keras_shape))
    if spec.map:
        moved, axes = [spec.map.split[axis] for axis in spec.map.perm], np.argsort(spec.map.perm)
    said = {"moved": moved, "axes": axes, "shape": spec.shape}
    return {"keras": layer, "variable": number, **{key: [int(n) for n in value] for key, value in said.items()}}


def load(path):
    """Returns a function from {blob's Keras input name: tensor} to the list or dict of what the file computes.

    Its `compiled` does so in TEST as one graph, which Keras makes at the first call.
    """
    model = keras.saving.load_model(path, compile=False)

    def run(feeds, training=False):
        return model(next(iter(feeds.values())) if len(feeds) == 1 else feeds, training=training)

    def compiled(feeds, training=False):
        return model.predict_on_batch(next(iter(feeds.values())) if len(feeds) == 1 else feeds)

    run.compiled = compiled
    return run


@contextlib.contextmanager
def no_copy_warning():
    """Hides what Keras 3.15 makes NumPy 2 say of every variable saved: that an array's `copy` was not understood.

    It is harmless, the numbers being copied all the same, and goes with the next Keras that knows NumPy 2.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy", DeprecationWarning)
        yield
