"""Converted nets on Keras's backend of the environment (KERAS_BACKEND), next to what TensorFlow gave on a CPU.

KERAS_BACKEND=jax python gpu_keras.py DIRECTORY          prints JSON, a line a net; run by gpu_step.py
"""

import json
import os
import pathlib
import sys
import time

import numpy as np

BATCH = 4


def drawn(number, path, shape):
    """Returns the array that stands for a variable: a function of its number in the model, its kind and shape.

    Not of its whole path: Keras numbers the names of some variables through the process that reads the model.
    """
    rng = np.random.Generator(np.random.PCG64(number))
    if len(shape) > 1:
        fan_in = int(np.prod(shape[:-1]))
        return (rng.uniform(-1, 1, shape) * np.sqrt(6 / fan_in)).astype(np.float32)
    if path.endswith("bias"):
        return rng.uniform(-0.1, 0.1, shape).astype(np.float32)
    low, high = (0.8, 1.2) if "_sum" in path or "sum_" in path else (0.3, 0.5)  # BatchNorm's sums, or a scale
    return rng.uniform(low, high, shape).astype(np.float32)


def set_drawn(model):
    """Sets every variable of a Keras model."""
    for number, variable in enumerate(model.variables):
        if "seed" not in variable.path:
            variable.assign(drawn(number, variable.path, tuple(variable.shape)))


def inputs(model):
    """Returns a batch for the model's only input."""
    (tensor,) = model.inputs
    rng = np.random.Generator(np.random.PCG64(7))
    return rng.uniform(-1, 1, (BATCH, *tensor.shape[1:])).astype(np.float32)


def main():
    """Runs every net of the directory and prints a line for each; a net that fails says why, and the others run."""
    folder = pathlib.Path(sys.argv[1])
    backend = os.environ["KERAS_BACKEND"]
    if backend == "torch":
        import torch

        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    else:
        import jax

        jax.config.update("jax_default_matmul_precision", "highest")
    import keras

    wanted = np.load(folder / "deployed.npz")
    for file in sorted(folder.glob("*.keras.json"), key=lambda file: file.stat().st_size):
        name, start, found = file.name.removesuffix(".keras.json"), time.perf_counter(), {}
        try:
            model = keras.models.model_from_json(file.read_text())
            set_drawn(model)
            given = model.predict_on_batch(inputs(model))
            for blob, value in (given if isinstance(given, dict) else {"prob": given}).items():
                want = wanted[f"{name}/{blob}"]
                difference = float(np.abs(np.asarray(value) - want).max())
                found[blob] = {"difference": difference, "largest": float(np.abs(want).max())}
        except Exception as cause:
            found["failed"] = f"{type(cause).__name__}: {cause}"[:300]
        found["s"] = round(time.perf_counter() - start, 1)
        print(json.dumps({name: found}), flush=True)


if __name__ == "__main__":
    main()
