"""Images a second from JPEG shards to crops, next to a bare decoding loop and PyTorch's DataLoader, as a table.

  python -m benchmarks.reading [--rounds=5] [--pictures=200] [--source=DIRECTORY] [--database=LMDB]

Writes shards of images of ImageNet's usual size (500 x 375, about 110 KB), the photographs of --source or made-up
ones, and reads them through a Data layer as training does: 227 x 227 at random, mirrored, less a mean. The peers take
turns with it in one process, on the same bytes and on all cores, each from its first image to its last; ratios are
taken turn by turn. PyTorch's rows are there where it can be imported, with Pillow and with OpenCV. CPU is the time that
cores worked, children included: where other programs run on the machine, it is what can be compared.
"""

import os
import pathlib
import platform
import statistics
import tempfile
import time

import numpy as np
from absl import flags

from benchmarks import torch_reading
from zoo import command

ROUNDS = flags.DEFINE_integer("rounds", 5, "How many turns each takes.", lower_bound=1)
IMAGES = flags.DEFINE_integer("pictures", 200, "How many lie in the shards.", lower_bound=1)
PASSES = flags.DEFINE_integer("passes", 4, "How often a turn reads them all.", lower_bound=1)
SOURCE = flags.DEFINE_string("source", "../shared/imagenet_sample", "Directory of photographs; need not be there.")
DATABASE = flags.DEFINE_string("database", None, "An LMDB of encoded images to read as well, in a row of its own.")
SIDE, BATCH, SIZE = 227, 50, (375, 500)
MEAN = (104, 117, 123)
QUALITY = 96


def main():
    """Writes the shards, times, prints."""
    command.quiet_tensorflow()
    import tensorflow as tf

    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, TensorFlow {tf.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        files = photographs()[: IMAGES.value]
        prefix = _write(pathlib.Path(folder), files)
        print(f"{len(files)} images of {SIZE[1]} x {SIZE[0]}, {np.mean([len(f) for f in files]) / 1000:.0f} KB each\n")
        number = PASSES.value * len(files) // BATCH * BATCH
        sides = {
            "Data layer, TRAIN": ours(prefix, "TRAIN"),
            "Data layer, TEST": ours(prefix, "TEST"),
            "bare `tf.io.decode_jpeg`": bare(files),
            "bare, OpenCV's pixels": bare(files, dct_method="INTEGER_ACCURATE"),
        }
        if DATABASE.value:
            sides["Data layer, TRAIN, encoded LMDB"] = ours(DATABASE.value, "TRAIN")
        sides |= torch_reading.sides(prefix, SIDE, BATCH, MEAN, number)
        _print(_time(sides, number))


def photographs():
    """Returns the bytes of JPEG files of `SIZE`: as many different ones as there are photographs, over and over."""
    import cv2

    paths = sorted(pathlib.Path(SOURCE.value).glob("*.JPEG"))
    images = [cv2.imread(str(path)) for path in paths[: IMAGES.value]] or _made_up()
    files = []
    for image in images:
        image = cv2.resize(image, SIZE[::-1], interpolation=cv2.INTER_AREA)
        files.append(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())
    return files * -(-IMAGES.value // len(files))


def _made_up():
    """Returns images as rough as photographs."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (h, h * 4 // 3, 3), np.uint8) for h in (96, 128, 160)]


def _write(folder, files):
    """Writes the files as one split of four shards; returns its prefix."""
    from zoo.formats import records
    from zoo.formats.records_writer import SplitWriter

    with SplitWriter(folder, "train", 4) as writer:
        for shard in range(4):
            part = files[shard::4]
            writer.shard(shard, [records.encoded_example(f, "jpeg", (*SIZE, 3), 0) for f in part])
        form = {"encoding": "jpeg", "channels": 3, "channel_order": "BGR", "image_shape": None, "min_size": SIZE}
        writer.finish(
            **form, features=records.features("tfds", "jpeg"), classes=("a",), prepare="python -m benchmarks.reading"
        )
    return folder / "train"


def ours(source, phase):
    """Returns the function of a number of images that reads so many from `source` as a net of that phase does."""
    from google.protobuf import text_format

    from zoo.errors import Place
    from zoo.formats import caffe_pb2
    from zoo.input.pipeline import DataLayer
    from zoo.netdef.netdef import BlobRef, LayerDef

    mean = " ".join(f"mean_value: {value}" for value in MEAN)
    text = (
        f'name: "data" type: "Data" top: "data" top: "label" data_param {{ source: "{source}" batch_size: {BATCH} }} '
        f"transform_param {{ crop_size: {SIDE} {mean} mirror: {str(phase == 'TRAIN').lower()} }}"
    )
    message = text_format.Parse(text, caffe_pb2.LayerParameter())
    tops = tuple(map(BlobRef, message.top))
    feed = DataLayer(LayerDef("data", "Data", (), tops, message, Place("", 1, "data", "Data")), phase)
    dataset = feed.dataset()  # traced once, as the peers are; every turn begins it again
    return lambda pictures: _consume(dataset.take(pictures // BATCH))


def bare(files, **options):
    """Returns the function that decodes so many images from memory and does nothing else, as fast as can be."""
    import tensorflow as tf

    stream = tf.data.Dataset.from_tensor_slices(files).repeat()
    stream = stream.map(
        lambda data: tf.io.decode_jpeg(data, channels=3, **options), os.cpu_count(), deterministic=False
    )
    return lambda pictures: _consume(stream.take(pictures))


def _consume(dataset):
    for _ in dataset:
        pass


def _time(sides, pictures):
    """Returns {name: [(images a second, CPU microseconds an image) of each turn]}."""
    turns = {name: [] for name in sides}
    names = list(sides)
    for side in sides.values():
        side(pictures)
    for turn in range(ROUNDS.value):
        for name in names if turn % 2 == 0 else names[::-1]:  # neither always follows the other
            cpu, began = torch_reading.cpu_seconds(), time.perf_counter()
            sides[name](pictures)
            seconds = time.perf_counter() - began
            turns[name].append((pictures / seconds, (torch_reading.cpu_seconds() - cpu) / pictures * 1e6))
    return turns


def _print(turns):
    first = next(iter(turns))
    print(f"| reader | images/s | CPU us an image | {first}: faster by | by CPU |\n|---|---|---|---|---|")
    for name, found in turns.items():
        rate, cpu = (statistics.median(values) for values in zip(*found))
        faster, less = (
            statistics.median(values)
            for values in zip(*((a[0] / b[0], b[1] / a[1]) for a, b in zip(turns[first], found)))
        )
        print(f"| {name} | {rate:.0f} | {cpu:.0f} | {faster:.2f} | {less:.2f} |")


if __name__ == "__main__":
    command.run(main)
