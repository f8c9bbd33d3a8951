"""Converted .keras nets on TensorFlow, JAX and PyTorch: differences from the NumPy reference and milliseconds.

  ZOO_KERAS_TORCH=PYTHON python -m benchmarks.keras_backends [--nets=alexnet,googlenet,resnet50]

Each net is converted with drawn weights, before its softmax, for batches of one, and `zoo.convert --verify` runs the
file on each backend, in a process of its own; ZOO_KERAS_JAX and ZOO_KERAS_TORCH name the Pythons that have them. A row
is a net and a backend. Grouped convolutions are slices and convolutions in such a file: AlexNet has three.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
from absl import flags

from benchmarks.deploy_texts import drawn
from zoo import command
from zoo.errors import ZooError
from zoo.export.conversion import convert
from zoo.formats import caffemodel
from zoo.netdef.shape_inference import infer_shapes

NETS = {"alexnet": ("data: 1,3,227,227", "fc8"), "googlenet": ("data: 1,3,224,224", "loss3/classifier")}
NETS |= {"resnet50": ("data: 1,3,224,224", "fc1000")}
ONLY = flags.DEFINE_list("nets", list(NETS), "Which of them.")
BACKENDS = flags.DEFINE_list("backends", ["jax", "torch"], "Next to TensorFlow.")


def rows(name, folder):
    """Returns [cells] of a net: one for each backend."""
    shape, output = NETS[name]
    config, weights, file = f"configs/{name}.prototxt", folder / f"{name}.caffemodel", folder / f"{name}.keras"
    given = tuple(map(int, shape.partition(":")[2].split(",")))
    conversion = convert(config, shapes={"data": given}, load=False)
    caffemodel.write(weights, drawn(infer_shapes(conversion.definition), np.random.default_rng(0)))
    words = [f"--config={config}", f"--weights={weights}", f"--output={file}", f"--input_shape={shape}", "--batch=1"]
    words += [f"--outputs={output}", "--verify", f"--backends={','.join(BACKENDS.value)}"]
    done = subprocess.run([sys.executable, "-m", "zoo.convert", *words], capture_output=True, text=True)
    found = re.findall(rf"^{re.escape(str(file))}  +(.*)$", done.stdout, re.M)
    if not found:
        raise ZooError(f"{name} was not verified", got=(done.stderr.strip() or done.stdout.strip())[-400:])
    cells = [re.split("  +", line) for line in found]
    return [[name, by, relative, ms, verdict] for by, _, relative, _, ms, verdict in cells]


def main():
    """Prints the table."""
    for name in ONLY.value:
        if name not in NETS:
            raise ZooError("--nets", got=name, want=", ".join(NETS))
    print("| net | backend | relative | ms | verdict |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in ONLY.value:
            for cells in rows(name, pathlib.Path(folder)):
                print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    command.run(main)
