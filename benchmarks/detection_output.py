"""DetectionOutput for SSD300's 8,732 priors and 21 classes, ours next to OpenCV's, as a table.

  python -m benchmarks.detection_output [--rounds=50] [--items=1]

Both have a net of that layer alone and take turns in one process on the same arrays. Two kinds of scores are drawn:
those of a trained net, of which few pass the threshold of 0.01, and those of a net that knows nothing, where most do.
`rows` are what each found, `difference` is the largest between the two, row by row. Times are medians, the clock's and
the processor's of all threads: on a machine with other work only the second says what it costs.
"""

import statistics
import time

import numpy as np
from absl import flags

from zoo import command

ROUNDS = flags.DEFINE_integer("rounds", 50, "How many turns each takes.", lower_bound=1)
ITEMS = flags.DEFINE_integer("items", 1, "Images in a batch.", lower_bound=1)
CLASSES, THRESHOLD = 21, 0.01
# Of SSD300 on VGG: pixels a side of each map, step, min_size, max_size, ratios.
MAPS = [
    (38, 8, 30, 60, [2]),
    (19, 16, 60, 111, [2, 3]),
    (10, 32, 111, 162, [2, 3]),
    (5, 64, 162, 213, [2, 3]),
    (3, 100, 213, 264, [2]),
    (1, 300, 264, 315, [2]),
]
TEXT = """
input: "loc" input_shape {{ dim: {items} dim: {offsets} }}
input: "conf" input_shape {{ dim: {items} dim: {scores} }}
input: "prior" input_shape {{ dim: 1 dim: 2 dim: {offsets} }}
layer {{ name: "det" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "prior" top: "det"
  detection_output_param {{ num_classes: {classes} share_location: true background_label_id: 0
    nms_param {{ nms_threshold: 0.45 top_k: 400 }} code_type: CENTER_SIZE keep_top_k: 200
    confidence_threshold: {threshold} }} }}
"""


def priors():
    """Returns SSD300's priors with their variances, (1, 2, 4 * 8732)."""
    boxes = []
    for side, step, least, most, ratios in MAPS:
        sizes = [(least, least), (np.sqrt(least * most),) * 2]
        sizes += [(least * np.sqrt(r), least / np.sqrt(r)) for ratio in ratios for r in (ratio, 1 / ratio)]
        y, x = np.mgrid[:side, :side]
        centres = (np.stack([x, y], 2).reshape(-1, 1, 2) + 0.5) * step
        half = np.array(sizes)[None] / 2
        boxes.append(np.concatenate([centres - half, centres + half], 2).reshape(-1, 4) / 300)
    boxes = np.concatenate(boxes)
    return np.stack([boxes.ravel(), np.tile([0.1, 0.1, 0.2, 0.2], len(boxes))])[None].astype(np.float32)


def drawn(trained, items, prior, rng):
    """Returns (offsets, scores) for `items` images, with eight objects in each of a trained net."""
    boxes = prior[0, 0].reshape(-1, 4)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    logits = rng.normal(size=(items, len(boxes), CLASSES))
    if trained:
        logits[:, :, 0] += 9
        for item in logits:
            for _ in range(8):
                near = np.abs(centres - centres[rng.integers(len(boxes))]).max(1) < 0.15
                item[near, rng.integers(1, CLASSES)] += rng.uniform(4, 12, near.sum())
    scores = np.exp(logits)
    scores /= scores.sum(2, keepdims=True)
    offsets = rng.normal(size=(items, len(boxes), 4)) * 0.7
    return offsets.reshape(items, -1).astype(np.float32), scores.reshape(items, -1).astype(np.float32)


class Ours:
    """The layer as a net runs here, at once or in a compiled graph: from tensors to the padded top as an array."""

    def __init__(self, text, graph):
        import tensorflow as tf

        from zoo.converters.build import build
        from zoo.formats.prototxt import parse_net
        from zoo.netdef.net import net_def
        from zoo.netdef.upgrade import upgrade_net

        self._net = net = build(net_def(upgrade_net(parse_net(text)).message, "TEST"))
        (top,) = net.outputs()
        self._run = lambda *arrays: net.run(dict(zip(net.inputs, arrays)))[top]
        if graph:
            self._run = tf.function(self._run, autograph=False)
        self._tensor = tf.constant

    def give(self, *arrays):
        """Takes what the bottoms hold."""
        self._arrays = [self._tensor(array) for array in arrays]

    def run(self):
        """Returns the top."""
        return self._run(*self._arrays).numpy()

    def rows(self):
        """Returns the rows (M, 7) of `run`."""
        rows = self.run().reshape(-1, 7)
        return rows[: self._net.layers[-1].type.real_rows(rows[None, None])]


class OpenCV:
    """A net of OpenCV's with the layer alone."""

    def __init__(self, text):
        import cv2

        self._net = cv2.dnn.readNetFromCaffe(bytearray(text.encode()))
        self.run = self._net.forward

    def give(self, *arrays):
        """Takes what the bottoms hold."""
        for name, array in zip(("loc", "conf", "prior"), arrays):
            self._net.setInput(array, name)

    def rows(self):
        """Returns the rows (M, 7) of `run`; those behind them are zeros."""
        rows = self.run().reshape(-1, 7)
        return rows[rows.any(1)]


def in_order(rows):
    """Returns rows by image, label, score and place, as the two list labels in different orders."""
    return rows[np.lexsort((rows[:, 3], -rows[:, 2], rows[:, 1], rows[:, 0]))]


def main():
    """Prints the table."""
    prior, rng, items = priors(), np.random.default_rng(0), ITEMS.value
    number = prior.shape[2] // 4
    text = TEXT.format(items=items, offsets=4 * number, scores=CLASSES * number, classes=CLASSES, threshold=THRESHOLD)
    peers = {"ours": Ours(text, False), "ours, in a graph": Ours(text, True), "OpenCV": OpenCV(text)}
    print(f"{number:,} priors, {CLASSES} classes, {items} images, medians of {ROUNDS.value} turns")
    print(f"{'scores':<10}{'candidates':>12}  {'':<17}{'rows':>6}{'ms':>9}{'ms of CPU':>11}{'difference':>13}")
    for kind in ("trained", "untrained"):
        arrays = (*drawn(kind == "trained", items, prior, rng), prior)
        candidates = int((arrays[1].reshape(-1, CLASSES)[:, 1:] > THRESHOLD).sum())
        for peer in peers.values():
            peer.give(*arrays)
        found = {name: in_order(peer.rows()) for name, peer in peers.items()}
        clocks, processor = {name: [] for name in peers}, {name: [] for name in peers}
        for _ in range(ROUNDS.value):
            for name, peer in peers.items():
                time.sleep(0.002)  # or it runs in what the one before it left of its time slice
                start, used = time.perf_counter(), time.process_time()
                peer.run()
                clocks[name].append(time.perf_counter() - start)
                processor[name].append(time.process_time() - used)
        same = found["ours"].shape == found["OpenCV"].shape
        difference = f"{np.abs(found['ours'] - found['OpenCV']).max():.1e}" if same else "other rows"
        for name in peers:
            took, used = (statistics.median(seconds[name]) * 1000 for seconds in (clocks, processor))
            line = f"{kind:<10}{candidates:>12,}  {name:<17}{len(found[name]):>6}{took:>9.2f}{used:>11.2f}"
            print(line + f"{difference:>13}")


if __name__ == "__main__":
    command.run(main)
