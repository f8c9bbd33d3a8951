"""How many of a test set's images a net gets right as float32, float16 and int8 in LiteRT, and how large the files are.

  python -m benchmarks.quantized --config=lenet --weights=lenet_iter_10000.caffemodel --data_dir=data

Three .tflite files are written as `zoo.convert --quantize` writes them, the int8 one with the ranges of 100 items of
the config's own TEST data layer, and each scores all items of that layer's source once. The first output counts.
"""

import os
import pathlib
import tempfile
import time

import numpy as np
from absl import flags

from zoo import command, config_flag
from zoo.export import config_net, tflite
from zoo.export.conversion import convert
from zoo.export.examples import examples
from zoo.export.request import Request
from zoo.export.runtimes import litert

CONFIG = config_flag.define("Net or solver with a data layer for TEST.")
WEIGHTS = flags.DEFINE_string("weights", "", "Its weights.")
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where its data are.")
ITEMS = flags.DEFINE_integer("items", 10000, "How many items are scored.", 1)


def labelled(config, data_dir, count):
    """Returns (images in Caffe's order, labels) of the config's data layer for TEST, from the first item on."""
    from zoo.input.pipeline import data_layer
    from zoo.layers.ops.layout import to_caffe

    origin = config_net.read(config, "TEST", None, (), data_dir, ())
    (layer,) = (layer for layer in origin.definition.layers if not layer.bottoms and len(layer.tops) == 2)
    feed = data_layer(layer, "TEST", data_dir=data_dir)
    images, labels = [], []
    with feed.reading():
        for batch in feed.dataset().take(-(-count // feed.shapes[0][0])):
            images.append(np.asarray(to_caffe(batch[0]), np.float32))
            labels.append(np.asarray(batch[1]).ravel())
    return np.concatenate(images)[:count], np.concatenate(labels)[:count]


def main():
    """Prints the table."""
    command.quiet_tensorflow()
    config_flag.check(CONFIG.value)
    conversion = convert(CONFIG.value, [WEIGHTS.value], data_dir=DATA_DIR.value)
    request = Request(CONFIG.value, [], [WEIGHTS.value], data_dir=DATA_DIR.value)
    ranges, said = examples(request, conversion, "")
    images, labels = labelled(CONFIG.value, DATA_DIR.value, ITEMS.value)
    (ref,), names = conversion.inputs, conversion.exported.inputs
    print(f"{len(images)} items; ranges of {said}\n| as | KB | right | of them | ms an item |\n|---|---|---|---|---|")
    first = None
    for quantize in ("", "float16", "int8"):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "net.tflite")
            tflite.write(conversion, path, quantize, ranges if quantize == "int8" else None)
            run, size = litert(path, names, list(conversion.outputs)), pathlib.Path(path).stat().st_size
            began, picks = time.perf_counter(), []
            for start in range(0, len(images), 100):
                scores = next(iter(run({ref.name: images[start : start + 100]}).values()))
                picks.append(scores.reshape(len(scores), -1).argmax(1))
            seconds = time.perf_counter() - began
        picks = np.concatenate(picks)
        first = picks if first is None else first
        right, same = int((picks == labels).sum()), int((picks == first).sum())
        cells = (quantize or "float32", f"{size / 1e3:.0f}", f"{right / len(labels):.2%}", f"{same} as float32")
        print(f"| {' | '.join(cells)} | {1000 * seconds / len(images):.3f} |", flush=True)


if __name__ == "__main__":
    command.run(main)
