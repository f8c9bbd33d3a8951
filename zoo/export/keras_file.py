"""The `.keras` file: one archive that plain Keras 3 loads, with nothing of ours installed."""

import contextlib
import warnings

import keras

from zoo.export import whole


def write(exported, conversion, path):
    """Writes an `Exported` to `path`, which ends in ".keras", whole or not at all.

    Raises:
        UnsupportedError: a layer is not one of Keras's own.
        OutputError: the file cannot be written.
    """
    exported.check_stock(conversion)
    with whole.replacing(path) as partial, no_copy_warning():
        exported.model.save(partial)


def load(path):
    """Returns a function from {blob's Keras input name: tensor} to the list or dict of what the file computes."""
    model = keras.saving.load_model(path, compile=False)

    def run(feeds, training=False):
        return model(next(iter(feeds.values())) if len(feeds) == 1 else feeds, training=training)

    return run


@contextlib.contextmanager
def no_copy_warning():
    """Hides what Keras 3.15 makes NumPy 2 say of every variable saved: that an array's `copy` was not understood.

    It is harmless, the numbers being copied all the same, and goes with the next Keras that knows NumPy 2.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy", DeprecationWarning)
        yield
