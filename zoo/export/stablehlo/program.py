"""What a StableHLO file takes and gives, and the files that are written: the program, a JSON, the arrays to start from.

`NAME.stablehlo` is the portable artifact. `NAME.stablehlo.json` says what its flat arguments and results are, in their
order. `NAME.stablehlo.npz` has, by name, an array for each argument that is state.
"""

import json
import platform
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import OutputError
from zoo.export.stablehlo.lower import VERSION
from zoo.formats import atomic

STATE, INPUT, LOSS, OUTPUT = "state", "input", "loss", "output"


@dataclass(frozen=True)
class Value:
    """One argument or result.

    Attributes:
        name: unique among the arguments, or among the results.
        role: STATE, INPUT, LOSS or OUTPUT.
        shape, dtype: of the tensor; spatial ones are channels-last.
        blob: how a parameter or its history lies, as `blob_of` gives it; None for others.
    """

    name: str
    role: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    blob: dict[str, Any] | None = None

    def as_dict(self):
        """Returns what JSON can hold of it."""
        said = {"name": self.name, "role": self.role, "shape": list(self.shape), "dtype": self.dtype}
        if len(self.shape) == 4 and self.role in (INPUT, OUTPUT):
            said["layout"] = "NHWC"
        return said | ({"blob": self.blob} if self.blob else {})


@dataclass(frozen=True)
class Program:
    """A lowered function.

    Attributes:
        kind: "deploy" or "step".
        net: its name.
        artifact: the bytes of the portable artifact.
        arguments, results: a `Value` each, in order; state comes first.
        start: {name: array} of the arguments that are state.
        notes: what else the JSON says.
    """

    kind: str
    net: str
    artifact: bytes
    arguments: tuple[Value, ...]
    results: tuple[Value, ...]
    start: dict[str, np.ndarray]
    notes: dict[str, Any] = field(default_factory=dict)


def blob_of(parameter, sign=1):
    """Returns how Caffe's blob is got from a `Parameter`'s tensor, as JSON has it.

    The blob is `sign` times the tensor, reshaped to "moved", transposed by "axes", reshaped to "shape".
    """
    spec = parameter.spec
    moved, axes = spec.keras_shape, range(len(spec.keras_shape))
    if spec.map:
        moved, axes = [spec.map.split[axis] for axis in spec.map.perm], np.argsort(spec.map.perm)
    numbers = {"moved": moved, "axes": axes, "shape": spec.shape}
    said = {"layer": parameter.key.layer, "index": int(parameter.key.index), "sign": sign}
    return said | {key: [int(n) for n in value] for key, value in numbers.items()}


def spec(value):
    """Returns the `tf.TensorSpec` of a `Value`."""
    return tf.TensorSpec(value.shape, value.dtype)


def write(program, path):
    """Writes a `Program` to `path` and its two files next to it; the program comes last. Returns the paths, it first.

    Raises:
        OutputError: a file cannot be written.
    """
    arrays, said = f"{path}.npz", f"{path}.json"
    with atomic.replacing(arrays, OutputError) as file:
        np.savez(file, **program.start)
    description = {
        "version": 1,
        "kind": program.kind,
        "net": program.net,
        **program.notes,
        "arguments": [value.as_dict() for value in program.arguments],
        "results": [value.as_dict() for value in program.results],
        "versions": {"stablehlo": VERSION, "tensorflow": tf.__version__, "keras": keras.__version__}
        | {"python": platform.python_version()},
    }
    with atomic.replacing(said, OutputError) as file:
        file.write((json.dumps(description, indent=1, ensure_ascii=False) + "\n").encode())
    with atomic.replacing(path, OutputError) as file:
        file.write(program.artifact)
    return [path, said, arrays]
