"""Writes a directory to carry to a GPU machine with JAX and PyTorch but no TensorFlow: what benchmarks.gpu_step runs.

  python -m benchmarks.gpu_prepare --output=DIRECTORY     (needs ../shared/golden/lenet and ../shared/mnist)

In it: the training steps of LeNet, AlexNet and ResNet-50 as StableHLO, without weights but LeNet's; LeNet's first
batches and the losses that Caffe logged on them; the nets to deploy as Keras writes them in JSON, with what they give
here on weights that both sides draw alike; and the scripts themselves. A few megabytes.
"""

import gzip
import json
import os
import pathlib
import shutil

import numpy as np
from absl import flags

from zoo import command

OUTPUT = flags.DEFINE_string("output", None, "The directory.", required=True)
ALEXNET = flags.DEFINE_integer("alexnet_batch", 256, "Images in a step of AlexNet.", lower_bound=1)
RESNET = flags.DEFINE_integer("resnet_batch", 128, "Images in a step of ResNet-50.", lower_bound=1)
PARTS = flags.DEFINE_list("parts", ["steps", "deployed"], "What is written.")
SHARED = pathlib.Path(os.environ.get("ZOO_SHARED", "../shared"))
ITERATIONS, BATCH = 20, 64
PRECISIONS = {"float32": ("float32", True), "tf32": ("float32", False), "bfloat16": ("mixed_bfloat16", False)}
DEPLOYED = ("lenet", "alexnet", "googlenet", "resnet50")


def main():
    """Writes it all."""
    command.quiet_tensorflow()
    folder = pathlib.Path(OUTPUT.value)
    folder.mkdir(parents=True, exist_ok=True)
    if "steps" in PARTS.value:
        _steps(folder)
    if "deployed" in PARTS.value:
        _deployed(folder)
    here = pathlib.Path(__file__).parent
    for file in (here / "gpu_step.py", here / "gpu_nets.py", here / "gpu_keras.py"):
        shutil.copy(file, folder)
    shutil.copy(here.parent / "zoo" / "export" / "stablehlo" / "in_jax.py", folder)
    size = sum(file.stat().st_size for file in folder.rglob("*"))
    print(f"{folder}: {size / 1e6:.1f} MB")


def _steps(folder):
    """Writes the training steps of three nets, and LeNet's batches."""
    _lenet(folder)
    for name, batch, side in (("alexnet", ALEXNET.value, 227), ("resnet50", RESNET.value, 224)):
        for precision in PRECISIONS:
            shapes = {"data": (batch, 3, side, side)}
            _step(folder / f"{name}_{precision}.stablehlo", f"configs/{name}.prototxt", shapes, precision, start=False)


def _step(path, config, shapes, precision, start=True, weights=()):
    """Writes the step of a solver's file; without `start` no arrays next to it."""
    from zoo.converters.solver import solver_def
    from zoo.export.stablehlo.program import write
    from zoo.export.stablehlo.step import step_program
    from zoo.formats import prototxt
    from zoo.training.precision import policy
    from zoo.training.pure_step import open_step

    name, exact = PRECISIONS[precision]
    with policy(name):
        step = open_step(solver_def(prototxt.read_solver(config)), shapes, weights=weights)
        layers = [layer for layer in step.net.layers if layer.call is not None]
        work = [int(layer.type.flops(layer.bottoms, layer.tops)) for layer in layers]
        notes = {"precision": precision, "multiply_adds": sum(work), "of_the_first_layer": next(filter(None, work))}
        for written in write(step_program(step, notes, exact), path)[0 if start else 2 :]:
            if not start:
                os.remove(written)
    print(f"{path}: {sum(work) / 1e9:.1f} G multiply-adds forward", flush=True)


def _lenet(folder):
    golden = SHARED / "golden" / "lenet"
    weights = [golden / "lenet_iter_0.caffemodel"]
    for precision in PRECISIONS:
        path, shapes = folder / f"lenet_{precision}.stablehlo", {"data": (BATCH, 1, 28, 28)}
        _step(path, str(golden / "lenet_solver.prototxt"), shapes, precision, weights=weights)
    images, labels = (
        np.frombuffer(gzip.decompress(_mnist(name).read_bytes()), np.uint8, offset=offset)
        for name, offset in (("images-idx3", 16), ("labels-idx1", 8))
    )
    images = images.reshape(-1, 28, 28, 1)[: ITERATIONS * BATCH].reshape(ITERATIONS, BATCH, 28, 28, 1)
    labels = labels[: ITERATIONS * BATCH].reshape(ITERATIONS, BATCH)
    wanted = json.loads((golden / "lenet_500.json").read_text())["loss"][:ITERATIONS]
    np.savez_compressed(folder / "lenet_batches.npz", images=images, labels=labels, losses=wanted)


def _mnist(name):
    return SHARED / "mnist" / f"train-{name}-ubyte.gz"


def _deployed(folder):
    """Writes {net}.json, and what each gives on drawn weights and inputs."""
    import keras

    from benchmarks.gpu_keras import inputs, set_drawn
    from zoo.export.conversion import convert
    from zoo.export.keras_model import keras_model

    found = {}
    for name in DEPLOYED:
        shapes = {"data": (1, 1, 28, 28)} if name == "lenet" else {}
        model = keras_model(convert(f"configs/{name}.prototxt", shapes=shapes)).model
        (folder / f"{name}.keras.json").write_text(model.to_json())
        # As the other side does: Keras renames some variables where it reads a model, and the kind is in the name.
        model = keras.models.model_from_json(model.to_json())
        set_drawn(model)
        given = model(inputs(model))
        for blob, value in (given if isinstance(given, dict) else {"prob": given}).items():
            found[f"{name}/{blob}"] = np.asarray(value)
        print(f"{name}: {', '.join(blob for blob in found if blob.startswith(name))}", flush=True)
    np.savez(folder / "deployed.npz", **found)


if __name__ == "__main__":
    command.run(main)
