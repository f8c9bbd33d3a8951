"""All that is known of a converted file and has no place in it: a JSON next to it, and the same in a few lines."""

import json
import pathlib
import platform

import numpy as np

from zoo.errors import OutputError
from zoo.formats import atomic


def describe(conversion, exported):
    """Returns a dict that JSON can hold: sources, inputs with their preprocessing, outputs, layers and versions.

    Shapes are those of the Keras tensors: spatial ones channels-last, (N,H,W,C); None is an axis of any size.
    """
    import keras
    import tensorflow as tf

    net, shapes = conversion.net, {t.name: t.shape for t in exported.model.inputs}
    inputs = {}
    for ref in net.inputs:
        said = conversion.preprocessing[ref.name]
        name = exported.inputs[ref.name]
        inputs[ref.name] = {"name": name, "shape": list(shapes[name]), **_layout(shapes[name]), **said.as_dict()}
    outputs, tensors = {}, _tensors(conversion, exported)
    for blob, ref in conversion.outputs.items():
        shape = tensors[blob].shape
        giver = next(layer.definition.name for layer in net.layers if ref in layer.definition.tops)
        outputs[blob] = {"shape": list(shape), **_layout(shape), "layer": giver}
    types = {layer.definition.key: layer.definition.type for layer in net.layers}
    return {
        "net": net.definition.name,
        "phase": conversion.phase,
        "folded": conversion.origin is not None,
        "sources": {
            "config": _file(conversion.config),
            "weights": [_file(path) for path in conversion.weights],
            "filled": list(conversion.filled),
        },
        "batch": conversion.fixed or "any",
        "inputs": inputs,
        "outputs": outputs,
        "layers": {name: {"type": types[name], "keras": list(ops)} for name, ops in exported.layers.items()},
        "parameters": net.parameter_count(),
        "versions": {"keras": keras.__version__, "tensorflow": tf.__version__, "python": platform.python_version()},
    }


def write(path, conversion, exported):
    """Writes `describe` as JSON to `path` + ".json", and a mean image (H, W, C) to `path` + ".mean.npy".

    Returns:
        The paths written.

    Raises:
        OutputError: a file cannot be written.
    """
    said = describe(conversion, exported)
    written = []
    for blob, known in conversion.preprocessing.items():
        if known.mean_image is not None:
            name = f"{path}.mean.npy" if len(said["inputs"]) == 1 else f"{path}.{said['inputs'][blob]['name']}.mean.npy"
            with atomic.replacing(name, OutputError) as file:
                np.save(file, known.mean_image)
            said["inputs"][blob]["mean_npy"] = name.rpartition("/")[2]
            written.append(name)
    with atomic.replacing(f"{path}.json", OutputError) as file:
        file.write((json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode())
    return [f"{path}.json", *written]


def sources(config, weights):
    """Returns names and SHA-256 of the files that a program is made of, as JSON has them; no folders."""
    return [{"file": pathlib.Path(path).name, "sha256": atomic.sha256(path)} for path in (config, *weights)]


def comments(conversion):
    """Returns what a prototxt cannot say in its fields, as lines of comment: where it comes from, what it is fed."""
    lines = [f"# The net to deploy of {conversion.config}, in the current form."]
    if conversion.origin is not None:
        lines.append("# Layers are folded into others: the weights of the files that it was made of do not fit it.")
    for blob, known in conversion.preprocessing.items():
        lines += [f"# {blob}: {known.steps[0]}"] + [f"#   {step}" for step in known.steps[1:]]
    return "".join(f"{line}\n" for line in lines) + "\n"


def how_to_use(conversion, exported=None):
    """Returns lines that say of each input its shape and what to do to an image, and of each output its shape.

    Shapes are those of the Keras model, or without one Caffe's.
    """
    lines = []
    if exported is None:
        inputs = {ref.name: conversion.shapes[ref] for ref in conversion.inputs}
        outputs = {blob: conversion.shapes[ref] for blob, ref in conversion.outputs.items()}
    else:
        by_name = {t.name: t.shape for t in exported.model.inputs}
        inputs = {blob: by_name[name] for blob, name in exported.inputs.items()}
        outputs = {blob: tensor.shape for blob, tensor in _tensors(conversion, exported).items()}
    layout = "Caffe's (N,C,H,W)" if exported is None else "(N,H,W,C)"
    for blob, shape in inputs.items():
        note = f"; {conversion.found[blob]}" if blob in conversion.found else ""
        lines.append(f"input {blob}: {_dims(shape, layout)}{note}")
        lines += [f"    {step}" for step in conversion.preprocessing[blob].steps]
    lines += [f"output {blob}: {_dims(shape, layout)}" for blob, shape in outputs.items()]
    if conversion.fixed:
        lines.append(f"batch size as above: {conversion.fixed}")
    return lines


def _dims(shape, layout):
    sizes = ", ".join("any" if size is None else str(size) for size in shape)
    return f"{sizes or 'one number'}{f' {layout}' if len(shape) == 4 else ''}"


def _tensors(conversion, exported):
    given = exported.model.output
    return given if isinstance(given, dict) else {next(iter(conversion.outputs)): given}


def _layout(shape):
    return {"layout": "NHWC"} if len(shape) == 4 else {}


def _file(path):
    return {"file": str(path), "sha256": atomic.sha256(path)}
