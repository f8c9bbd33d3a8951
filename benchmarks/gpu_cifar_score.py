"""Scores what gpu_cifar trained: writes each NAME.npz as NAME.caffemodel and has zoo.evaluate score it on this machine.

  python -m benchmarks.gpu_cifar_score --results=DIRECTORY --carried=DIRECTORY [--data_dir=data]

The weights files lie in --output afterwards; the scores are printed, next to what the GPU's own last test said.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np
from absl import flags

from zoo import command, config_flag
from zoo.formats import caffemodel

RESULTS = flags.DEFINE_string("results", None, "The directory with NAME.npz and results.json.", required=True)
CARRIED = flags.DEFINE_string("carried", None, "The directory that gpu_cifar_prepare wrote.", required=True)
OUTPUT = flags.DEFINE_string("output", ".", "Where the .caffemodel files go.")
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where data sources are looked for first.")


def main():
    """Writes and scores each; returns the exit code."""
    failed = 0
    for file in sorted(pathlib.Path(RESULTS.value).glob("*.npz")):
        name = file.stem
        weights = pathlib.Path(OUTPUT.value) / f"{name}.caffemodel"
        with np.load(file) as arrays:
            said = json.loads((pathlib.Path(CARRIED.value) / f"{name}.step.stablehlo.json").read_text())
            _write(weights, said, arrays)
            print(f"{name}: {weights}; the GPU's last test: {arrays['tests'][-1]}", flush=True)
        words = [f"--config={config_flag.find(name)}", f"--weights={weights}", f"--data_dir={DATA_DIR.value}"]
        failed |= subprocess.run([sys.executable, "-m", "zoo.evaluate", *words]).returncode
    return int(bool(failed))


def _write(path, said, arrays):
    """Writes the parameters among `arrays` as a .caffemodel."""
    layers = {}
    for argument in said["arguments"]:
        blob = argument.get("blob")
        if blob and argument["name"].startswith("parameters/"):
            moved = arrays[argument["name"]].reshape(blob["moved"]).transpose(blob["axes"])
            layers.setdefault(blob["layer"], {})[blob["index"]] = moved.reshape(blob["shape"])
    caffemodel.write(path, {name: [blobs[i] for i in sorted(blobs)] for name, blobs in layers.items()})


if __name__ == "__main__":
    command.run(main)
