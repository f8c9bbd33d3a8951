"""What a test keeps inside the graph, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.converters.build import build
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.training.board import watch as watching
from zoo.training.board.classified import classified
from zoo.training.board.watch import Watch

NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 6 dim: 3 dim: 4 dim: 5 } } }
layer { name: "y" type: "Input" top: "y" input_param { shape { %s } } }
layer { name: "s" type: "Input" top: "s" input_param { shape { dim: 6 dim: 3 dim: %d dim: %d } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "s" bottom: "y" top: "loss" loss_param { ignore_label: 2 } }
"""


def batches(net, rng):
    """Three batches, {value: array} in Keras's order, and in Caffe's."""
    for _ in range(3):
        made = {ref: rng.normal(0, 1, net.shapes[ref]).astype(np.float32) for ref in net.inputs}
        label = next(ref for ref in net.inputs if ref.name == "y")
        made[label] = rng.integers(-1, 4, net.shapes[label]).astype(np.float32)  # -1 and 3 are no classes
        yield (
            {r: np.moveaxis(x, 1, -1) if x.ndim == 4 else x for r, x in made.items()},
            {r.name: x for r, x in made.items()},
        )


@pytest.mark.parametrize("label, plane", [("dim: 6", (1, 1)), ("dim: 6 dim: 1 dim: 2 dim: 3", (2, 3))])
def test_counts_and_the_surest_mistakes(label, plane, monkeypatch):
    monkeypatch.setattr(watching, "WRONG", 4)
    net = build(net_def(parse_net(NET % (label, *plane)), "TEST"))
    place = classified(net)
    watch, counts, wrong = Watch(net, place), np.zeros((3, 3), int), []
    for _ in range(2):  # the second test starts over
        rng = np.random.default_rng(1)
        watch.reset()
        counts[:], wrong = 0, []
        for values, caffe in batches(net, rng):
            watch({ref: tf.constant(values[ref]) for ref in watch.refs})
            scores = np.moveaxis(caffe["s"], 1, -1).reshape(-1, 3)
            taken = scores.argmax(axis=1)
            for item, (row, said) in enumerate(zip(scores, caffe["y"].ravel().astype(int))):
                if said in (0, 1):
                    counts[said, taken[item]] += 1
                    if taken[item] != said:
                        wrong.append((row.max() - row[said], caffe["x"][item % 6], said, taken[item]))
        np.testing.assert_array_equal(watch.counts(), counts)
    images, pairs = watch.wrong()
    if plane != (1, 1):
        assert place.image is None and len(images) == 0
        return
    wrong.sort(key=lambda one: -one[0])
    assert pairs.tolist() == [[said, taken] for *_, said, taken in wrong[:4]]
    np.testing.assert_array_equal(np.moveaxis(images, -1, 1), [image for _, image, *_ in wrong[:4]])


def test_a_batch_of_another_size_is_passed_over():
    net = build(net_def(parse_net(NET % ("dim: 6", 1, 1)), "TEST"))
    watch = Watch(net, classified(net))
    watch({ref: np.zeros((1,)) for ref in watch.refs})
    assert not watch.counts().any()
