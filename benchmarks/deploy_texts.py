"""Other people's deploy texts, with drawn weights: built, converted to .keras and verified, a row of a table each.

  python -m benchmarks.deploy_texts [--batch=1] [--fork=NAME] [--input_shape='data: 1,3,360,480'] FILE ...

Weights are drawn so that values neither vanish nor explode on their way through the net: kernels in proportion to
1 / sqrt(inputs), variances around 1. `zoo.convert --verify` then compares the written file with the NumPy reference
implementation and with OpenCV, where this reads the text. Rows are as Markdown has them; seconds are the processor's.
"""

import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

import numpy as np
from absl import flags

from zoo import command, user_code
from zoo.errors import ZooError
from zoo.export import input_shapes
from zoo.export.conversion import convert
from zoo.formats import caffemodel
from zoo.netdef.shape_inference import infer_shapes

BATCH = flags.DEFINE_string("batch", "1", 'Items in a batch, or "any" where the nets allow it.')
INPUT_SHAPE = flags.DEFINE_multi_string("input_shape", [], "As zoo.convert takes it, for texts that do not say it.")
HEAD = ("text", "layers", "parameters", "outputs", "against NumPy", "against OpenCV", "s")


def drawn(planned, rng):
    """Returns {layer: arrays} for the planned layers of a net."""
    return {
        layer.definition.name: [
            _blob(layer.type.kind, index, spec.shape, rng).astype(np.float32) for index, spec in enumerate(layer.blobs)
        ]
        for layer in planned
        if layer.blobs
    }


def _blob(kind, index, shape, rng):
    around_one, around_zero = rng.uniform(0.7, 1.3, shape), rng.normal(scale=0.1, size=shape)
    if kind == "BatchNorm":
        return (around_zero, around_one, np.ones(shape))[index]
    if kind.startswith("BN ") or kind == "Scale":
        return (around_one, around_zero, around_zero, around_one)[index]
    if kind.startswith("Normalize"):
        return 10 * around_one
    if kind == "PReLU":
        return 0.25 * around_one
    if len(shape) > 1 and max(shape) < np.prod(shape):
        inputs = np.prod(shape[1:]) if kind != "Deconvolution" else np.prod(shape) / shape[1] / 4
        return rng.normal(scale=np.sqrt(1.4 / inputs), size=shape)
    return around_zero


def row(path, folder):
    """Returns the cells of one text."""
    batch = BATCH.value if BATCH.value == "any" else int(BATCH.value)
    conversion = convert(str(path), batch=batch, shapes=input_shapes.parse(INPUT_SHAPE.value))
    planned = infer_shapes(conversion.definition)
    weights = folder / f"{path.stem}.caffemodel"
    caffemodel.write(weights, drawn(planned, np.random.default_rng(0)), conversion.message)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "zoo.convert", f"--config={path}", f"--weights={weights}", f"--batch={BATCH.value}"]
        + [f"--output={folder / path.stem}.keras", "--verify", *user_code.given()]
        + [f"--input_shape={shape}" for shape in INPUT_SHAPE.value],
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    print(done.stdout[done.stdout.find("verify ") :] or done.stderr[-3000:], file=sys.stderr)
    count = sum(int(np.prod(blob.shape)) for layer in planned for blob in layer.blobs)
    shapes = {name: "x".join(map(str, conversion.shapes[ref])) for name, ref in conversion.outputs.items()}
    outputs = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    verdicts = [_verdict(done.stdout, by) for by in ("NumPy", "OpenCV")]
    return [path.name, str(len(planned)), f"{count:,}", outputs, *verdicts, f"{seconds:.0f}"]


def _verdict(said, by):
    """Returns in a cell what `zoo.convert` said of the outputs against one reader."""
    if silent := re.search(rf"not compared with {by}: (.*)", said):
        return f"not read: {silent[1][:80]}"
    rows = [re.split("  +", line.strip()) for line in said.splitlines()]
    found = [f"{cells[6]} ({cells[5]})" for cells in rows if len(cells) == 7 and cells[1].startswith(by)]
    return "; ".join(found) or "FAILED"


def main(*texts):
    """Prints the table; a text that is refused has the error in its row."""
    user_code.load()
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        for path in map(pathlib.Path, texts):
            try:
                cells = row(path, pathlib.Path(name))
            except ZooError as error:
                cells = [path.name, *[""] * 3, f"refused: {str(error).splitlines()[0]}", "", ""]
            print(f"| {' | '.join(cells)} |", flush=True)
            for file in pathlib.Path(name).iterdir():
                file.unlink()


if __name__ == "__main__":
    command.run(main, arguments=1000)
