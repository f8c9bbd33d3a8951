"""Run by test_cases.py in a process that has Keras and nothing of ours: loads saved models, writes what they give.

Usage: python -I plain_keras.py DIRECTORY, with <case>.keras and <case>.inputs.npz for each case in it.
"""

import pathlib
import sys

import keras
import numpy as np


def main(folder):
    """Writes <case>.outputs.npz, or <case>.error with what went wrong, for each case."""
    for file in sorted(folder.glob("*.keras")):
        stem = str(file).removesuffix(".keras")
        try:
            with np.load(f"{stem}.inputs.npz") as data:
                training = bool(data["training"])
                inputs = [keras.ops.convert_to_tensor(data[f"input{i}"]) for i in range(len(data.files) - 1)]
            outputs = keras.saving.load_model(file)(inputs, training=training)
            outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
            np.savez(f"{stem}.outputs.npz", *(keras.ops.convert_to_numpy(x) for x in outputs))
        except Exception as error:  # one case's, said in its own test; the others go on
            pathlib.Path(f"{stem}.error").write_text(f"{type(error).__name__}: {error}")
    if any(name.split(".")[0] == "zoo" for name in sys.modules):
        sys.exit("the package was imported")


main(pathlib.Path(sys.argv[1]))
