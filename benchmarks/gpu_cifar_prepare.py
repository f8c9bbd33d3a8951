"""Writes a directory to carry to a GPU machine without TensorFlow: CIFAR-10 and the recipes that gpu_cifar trains.

  python -m benchmarks.gpu_cifar_prepare --output=DIRECTORY [--data_dir=data] [--configs=cifar10_quick,...]

It needs the shards that the configs read, and the JPEG files that they were made of (--jpegs). For each config it
writes the training step, its test net, and the data layers of both, transform and random crops included, as StableHLO,
and the losses of TensorFlow's own first iterations. The images go as their JPEG files, with the SHA-256 of the pixels
that our data layer reads. About 20 MB for cifar10_quick and cifar10_full. What gpu_cifar_check compares with lies next
to it, in DIRECTORY_own.
"""

import dataclasses
import hashlib
import json
import lzma
import pathlib
import shutil
import tarfile

import numpy as np
from absl import flags

from zoo import command, config_flag

OUTPUT = flags.DEFINE_string("output", None, "The directory.", required=True)
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where the data that the configs name is looked for first.")
JPEGS = flags.DEFINE_string("jpegs", "../shared/cifar10_jpeg", "Directory with train.tar and test.tar.")
CONFIGS = flags.DEFINE_list("configs", ["cifar10_quick", "cifar10_full"], "Configs to train, in this order.")
FAST = flags.DEFINE_list("fast", [], "Those of them whose products may be TF32 on the GPU.")
CHECKED = 3  # iterations of TensorFlow's own
BATCHES = (0, 2, 390, 59999)  # to be compared; of 128 images, 390 is where the set begins again
SPLITS = ("train", "test")


def main():
    """Writes it all."""
    command.quiet_tensorflow()
    folder = pathlib.Path(OUTPUT.value)
    folder.mkdir(parents=True, exist_ok=True)
    manifest, said = {"configs": {}, "splits": {}}, folder / "manifest.json"
    there = json.loads(said.read_text())["splits"] if said.exists() else {}
    images, labels = {}, {}
    for config in CONFIGS.value:
        name = pathlib.Path(config).stem
        manifest["configs"][name] = _config(folder, name, config_flag.find(config), images, labels)
        print(name, json.dumps(manifest["configs"][name]), flush=True)
    for split in SPLITS:
        manifest["splits"][split] = _jpegs(folder, split, images[split], labels[split], there.get(split))
    said.write_text(json.dumps(manifest, indent=1) + "\n")
    here = pathlib.Path(__file__).parent
    for file in (here / "gpu_cifar.py", here.parent / "zoo" / "export" / "stablehlo" / "in_jax.py"):
        shutil.copy(file, folder)
    print(f"{folder}: {sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()) / 1e6:.1f} MB")


def _config(folder, name, config, images, labels):
    """Writes the programs of a config; returns what the manifest says of it. Fills in the images that it reads."""
    from zoo.converters.build import build
    from zoo.converters.solver import solver_def
    from zoo.export.stablehlo.deploy import net_program
    from zoo.export.stablehlo.program import write
    from zoo.export.stablehlo.step import step_program
    from zoo.formats.layer_keys import UniqueNames
    from zoo.netdef.config import open_config
    from zoo.training import tested
    from zoo.training.pure_step import open_step
    from zoo.training.run_data import RunData

    exact = name not in FAST.value
    solver = solver_def(open_config(config).solver())
    assert solver.iter_size == 1 and len(solver.tests) == 1, name  # noqa: S101
    data = RunData(solver, DATA_DIR.value, seed=solver.random_seed)
    step = open_step(solver, data_dir=DATA_DIR.value)
    write(step_program(step, {}, exact), folder / f"{name}.step.stablehlo")
    definition = tested.sharing(data.tests[0].definition, data.train.definition, UniqueNames())
    net = build(definition, data.tests[0].shapes, step.net.parameters, held=0)
    outputs = {ref.name: ref for ref in net.outputs()}
    written = write(net_program(net, outputs, exact=exact), folder / f"{name}.test.stablehlo")
    pathlib.Path(written[2]).unlink()  # the state is the step's
    said = {"max_iter": solver.max_iter, "test_iter": solver.test_iter[0], "test_interval": solver.test_interval}
    said |= {"products": "float32" if exact else "as the device has them", "feeds": {}}
    for split, feeds in zip(SPLITS, (data.train, data.tests[0])):
        (feed,) = feeds._layers
        pixels = _read(feed, images, labels, split)
        said["feeds"][split] = {"pad": (pixels[1] - 32) // 2, "batch": feed.batch_size}
        write(_feed_program(feed, pixels), folder / f"{name}.{split}.feed.stablehlo")
        pathlib.Path(folder / f"{name}.{split}.feed.stablehlo.npz").unlink()
    said["losses"] = _own(folder, name, step, data)
    return said


def _read(feed, images, labels, split):
    """Returns the shape (N, H, W, C) of the images of a data layer, having read them whole where that was not done."""
    plain = dataclasses.replace(feed._transform, mean=None, crop_size=0, mirror=False, scale=1.0)
    source, count = feed._source, feed._source.count
    size = 1000
    batches = iter(source.batches(0, size, plain))
    found = [next(batches) for _ in range(count // size)]
    assert len(found) * size == count  # noqa: S101
    pixels = np.concatenate([x.numpy().astype(np.uint8) for x, _ in found])
    pad = (pixels.shape[1] - 32) // 2
    inner = pixels[:, pad : pad + 32, pad : pad + 32]
    assert (np.pad(inner, ((0, 0), (pad, pad), (pad, pad), (0, 0))) == pixels).all()  # noqa: S101
    own = np.concatenate([y.numpy() for _, y in found])
    if split in images:
        assert (images[split] == inner).all() and (labels[split] == own).all(), split  # noqa: S101
    images[split], labels[split] = np.ascontiguousarray(inner), own
    return pixels.shape


def _feed_program(feed, shape):
    """Returns the `Program` of a data layer: all images and labels and the number of the batch go in, the batch out."""
    import tensorflow as tf

    from zoo.export.stablehlo.lower import lower
    from zoo.export.stablehlo.program import INPUT, OUTPUT, STATE, Program, Value, spec
    from zoo.layers.base.geometry import keras_shape

    batch, count = feed.batch_size, shape[0]
    arguments = [
        Value("images", STATE, shape, "uint8"),
        Value("labels", STATE, (count,)),
        Value("number", INPUT, (), "int32"),
    ]

    def run(images, labels, number):
        first = tf.cast(number, tf.int64) * batch
        rows = (first + tf.range(batch, dtype=tf.int64)) % count
        shown = tf.ensure_shape(tf.gather(images, rows), (batch, *shape[1:]))
        return feed._transform.batch(shown, first), tf.gather(labels, rows)

    results = [Value(top.name, OUTPUT, keras_shape(size)) for top, size in zip(feed.layer.tops, feed.shapes)]
    artifact = lower(run, [spec(value) for value in arguments])
    return Program("deploy", feed.layer.name, artifact, tuple(arguments), tuple(results), {})


def _own(folder, name, step, data):
    """Writes what TensorFlow's own first steps on the config's own batches give; returns their losses."""
    from zoo.training.step import TrainStep

    train = TrainStep(step.net, step.optimizer, still=[p.variable for p in step._still])
    batches = data.train_batches(0)
    losses = [float(train(batches, 1)[0][0])]
    arrays = {k.name: np.asarray(k.variable.value).copy() for k in step.kept}
    losses += train(batches, CHECKED - 1)[0].numpy().tolist()
    for number in BATCHES:
        for top, x in zip(step.inputs, next(data.train_batches(number))):
            arrays[f"batch/{number}/{top.name}"] = np.asarray(x)
    for top, x in zip(step.inputs, next(data.test_batches(0, 0))):
        arrays[f"test/{top.name}"] = np.asarray(x)
    own = folder.parent / f"{folder.name}_own"
    own.mkdir(exist_ok=True)
    np.savez(own / f"{name}.npz", **arrays)
    return losses


def _jpegs(folder, split, images, labels, there):
    """Writes a split's JPEG files in the order of its records; returns how many they are and its pixels' digest.

    Where this is what is `there`, nothing is written.
    """
    import cv2

    made = {"count": len(images), "sha256": hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()}
    if made == there:
        return made
    wanted, files = {}, {}
    for row, image in enumerate(images):
        wanted.setdefault(image.tobytes(), []).append(row)
    with tarfile.open(pathlib.Path(JPEGS.value) / f"{split}.tar") as tar:
        for member in tar:
            if not member.isfile():
                continue
            content = tar.extractfile(member).read()
            pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
            for row in wanted.pop(pixels.tobytes(), ()):
                files[row] = content
    assert not wanted, f"{split}: {len(wanted)} images of the shards are none of the JPEG files"  # noqa: S101
    ordered = [files[row] for row in range(len(images))]
    (folder / f"{split}.jpegs.xz").write_bytes(lzma.compress(b"".join(ordered), preset=6))
    np.savez_compressed(
        folder / f"{split}.index.npz", sizes=np.array([len(x) for x in ordered], np.uint16), labels=labels
    )
    return made


if __name__ == "__main__":
    command.run(main)
