"""Run in a process that has Keras and nothing of ours: loads .keras files and writes what they give.

Usage: python -I plain_keras.py DIRECTORY, with <name>.keras and <name>.inputs.npz (one array a Keras input, by name).
"""

import importlib.util
import pathlib
import sys

import keras
import numpy as np

if importlib.util.find_spec("zoo"):
    sys.exit("the package can be imported here")
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    stem = str(file).removesuffix(".keras")
    model = keras.saving.load_model(file)
    with np.load(f"{stem}.inputs.npz") as data:
        inputs = {name: keras.ops.convert_to_tensor(data[name]) for name in data.files}
    given = model(inputs if len(inputs) > 1 else next(iter(inputs.values())))
    outputs = given if isinstance(given, dict) else {model.output_names[0]: given}
    np.savez(
        f"{stem}.outputs.npz", **{name.replace("/", "|"): keras.ops.convert_to_numpy(x) for name, x in outputs.items()}
    )
print(keras.backend.backend())
