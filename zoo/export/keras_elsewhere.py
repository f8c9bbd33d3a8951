"""Runs a .keras file in plain Keras, on the backend that KERAS_BACKEND names; it imports nothing of ours.

``python -I keras_elsewhere.py FOLDER`` reads asked.json and inputs.npz from the directory and writes outputs.npz.
"""

import json
import pathlib
import sys
import time

import numpy as np

TIMED = 3


def main(folder):
    """Runs the model once to compare and a few times more for the clock."""
    try:
        import keras

        if keras.backend.backend() == "jax":
            import jax  # noqa: F401
    except ImportError as error:
        sys.exit(f"{error.name} is not installed")
    asked = json.loads((folder / "asked.json").read_text())
    with np.load(folder / "inputs.npz") as data:
        arrays = [data[f"arr_{index}"] for index in range(len(asked["inputs"]))]
    model = keras.saving.load_model(asked["keras"], compile=False)
    feeds = arrays[0] if len(arrays) == 1 else dict(zip(asked["inputs"], arrays))
    given = model.predict_on_batch(feeds)
    seconds = []
    for _ in range(TIMED):
        began = time.perf_counter()
        model.predict_on_batch(feeds)
        seconds.append(time.perf_counter() - began)
    named = given if isinstance(given, dict) else {"": given}
    found = {f"output/{name}": np.asarray(array) for name, array in named.items()}
    np.savez(folder / "outputs.npz", milliseconds=1000 * sorted(seconds)[TIMED // 2], **found)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
