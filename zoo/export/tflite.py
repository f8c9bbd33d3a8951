"""The `.tflite` file: the Keras model through TensorFlow's converter, of LiteRT's built-in operators alone."""

import contextlib
import logging
import re
import tempfile
import warnings

import tensorflow as tf

from zoo.errors import OutputError, UnsupportedError, raise_together
from zoo.export import saved_model
from zoo.export.runtimes import channels_last, first_line, quiet_stderr
from zoo.formats import atomic

SIGNATURE = "serving_default"
_UNSUPPORTED = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")
_PLACES = re.compile(r'"([^"]+)"')


def write(conversion, path, quantize="", examples=None):
    """Writes the net of a `Conversion`.

    Args:
        conversion: the net to deploy, of phase TEST.
        path: of the file.
        quantize: "" for float32; "float16": weights of 16 bits; "int8": all of 8 bits but inputs and outputs.
        examples: for "int8" {input: array of Caffe's shape}, on whose items the ranges of all tensors are measured.

    Raises:
        UnsupportedError: the built-in operators cannot compute some layers: all of them in one error.
        OutputError: the file cannot be written.
    """
    if conversion.phase != "TEST":
        raise UnsupportedError("a .tflite file is of phase TEST", got=conversion.phase, want="--phase=TEST")
    conversion.exported.check_stock(conversion)
    with tempfile.TemporaryDirectory() as folder, _quiet():
        saved_model.write(conversion.exported, conversion.outputs, f"{folder}/net")
        converter = tf.lite.TFLiteConverter.from_saved_model(f"{folder}/net", signature_keys=[SIGNATURE])
        builtins = tf.lite.OpsSet.TFLITE_BUILTINS_INT8 if quantize == "int8" else tf.lite.OpsSet.TFLITE_BUILTINS
        converter.target_spec.supported_ops = [builtins]
        if quantize:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if quantize == "int8":
            converter.representative_dataset = lambda: _batches(conversion, examples)
        try:
            content = converter.convert()
        except Exception as cause:  # ConverterError, ValueError, RuntimeError: each a converter's way to refuse
            raise_together(_refusals(conversion, str(cause)))
            raise UnsupportedError("LiteRT's converter refuses the net", got=first_line(cause)) from cause
    with atomic.replacing(path, OutputError) as file:
        file.write(content)


def _batches(conversion, examples):
    """Yields {input: batch} of one item, or of as many as the net takes where it takes no other number."""
    names = conversion.exported.inputs
    shapes = {ref.name: conversion.shapes[ref] for ref in conversion.inputs}
    sizes = {blob: shape[0] if conversion.fixed else 1 for blob, shape in shapes.items() if shape}
    for index in range(max((-(-len(examples[blob]) // size) for blob, size in sizes.items()), default=1)):
        places = {blob: range(index * size, (index + 1) * size) for blob, size in sizes.items()}
        batch = {
            blob: array.take(places[blob], axis=0, mode="wrap") if blob in places else array
            for blob, array in examples.items()
        }
        yield {names[blob]: channels_last(array) for blob, array in batch.items()}


def _refusals(conversion, text):
    """Yields an UnsupportedError for each Caffe layer whose operations the converter's message names."""
    owners = {name: key for key, names in conversion.exported.layers.items() for name in names}
    found = {}
    for line in text.splitlines():
        if operation := _UNSUPPORTED.search(line):
            parts = [part for place in _PLACES.findall(line) for part in re.split(r"[/:;@]", place)]
            parts += [re.sub(r"_\d+$", "", part) for part in parts]  # TensorFlow numbers the scopes of later calls
            key = next((owners[part] for part in parts if part in owners), None)
            found.setdefault(key, set()).add(operation[1])
    layers = {layer.definition.key: layer.definition for layer in conversion.net.layers}
    for key, operations in found.items():
        what = f"LiteRT has no built-in operator for TensorFlow's {', '.join(sorted(operations))}"
        yield UnsupportedError(what, at=layers[key].at() if key in layers else None)


@contextlib.contextmanager
def _quiet():
    """Keeps the converter's progress and its notes on other packages from people."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), quiet_stderr():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
