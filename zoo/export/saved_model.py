"""The SavedModel directory: TensorFlow's own form, served without Keras, its outputs named after blobs."""

import contextlib

import keras
import tensorflow as tf

from zoo.export import output_path
from zoo.export.keras_file import no_copy_warning
from zoo.formats.glob_free import glob_free

ENDPOINT = "serve"


def write(exported, outputs, path):
    """Writes an `Exported` to the directory `path`, whole or not at all; a SavedModel that lay there is replaced.

    It has one endpoint, "serve", which is the signature "serving_default" too: from the model's inputs to {blob:
    tensor}, where "/" in a blob's name is kept.

    Args:
        outputs: the names of the output blobs.

    Raises:
        OutputError: the directory cannot be written, or something else lies there.
    """
    model = exported.model
    (blob, *others) = outputs
    specs = {
        tensor.name: keras.InputSpec(shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
        for tensor in model.inputs
    }
    single = len(specs) == 1

    def serve(inputs):
        given = model(inputs, training=False)
        return given if others else {blob: given}

    archive = keras.export.ExportArchive()
    archive.track(model)
    with no_copy_warning(), _quiet():
        signature = [next(iter(specs.values())) if single else specs]
        archive.add_endpoint(name=ENDPOINT, fn=serve, input_signature=signature)
        with output_path.replacing(path) as partial:
            archive.write_out(str(partial), verbose=False)


@contextlib.contextmanager
def _quiet():
    """Keeps TensorFlow from logging where its assets went, which is a place that is renamed at once."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


def load(path):
    """Returns a function from {Keras input name: tensor} to {blob: tensor}, what the folder's endpoint computes."""
    with glob_free(path) as readable:
        module = tf.saved_model.load(str(readable))

    def run(feeds, training=False):
        return getattr(module, ENDPOINT)(next(iter(feeds.values())) if len(feeds) == 1 else feeds)

    run.module = module  # which owns the variables
    return run
