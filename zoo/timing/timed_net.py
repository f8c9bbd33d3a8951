"""What is timed: the net of a config, built, with a batch of its data in memory, or of numbers of the same shapes."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from zoo.converters.build import Net, build
from zoo.errors import DataError
from zoo.export import input_shapes
from zoo.export.config_net import read
from zoo.input.feed import Feed
from zoo.input.pipeline import data_layer
from zoo.layers import find
from zoo.layers.base.geometry import keras_shape
from zoo.netdef.batch import sized
from zoo.netdef.netdef import LayerDef


@dataclass(frozen=True)
class TimedNet:
    """A net and one batch for it.

    Attributes:
        net: the built `Net`.
        batch: a tensor for each of `net.inputs`, in their order; those of rank 4 are (N,H,W,C).
        feeds: the `Feed`s of the data layers whose data are there.
        made: {layer key: why its numbers are made up} of the others.
        left_out: the layers that are not timed, as they would write a file.
    """

    net: Net
    batch: tuple
    feeds: tuple[Feed, ...]
    made: dict[str, str]
    left_out: tuple[LayerDef, ...] = ()

    @property
    def items(self):
        """Size of the batch: axis 0 of the first input, 1 where it has none."""
        shape = self.net.shapes[self.net.inputs[0]] if self.net.inputs else ()
        return shape[0] if shape else 1


def open_feeds(definition, data_dir=None, seed=0):
    """Returns (the `Feed`s of a net's data layers, {first top: DataError} of those layers whose data cannot be read).

    Raises:
        ZooError: a data layer whose fields are wrong.
    """
    feeds, missing = [], {}
    for layer in definition.layers:
        if layer.bottoms or not layer.tops or find(layer.kind).fed_by_program:
            continue
        try:
            feed = data_layer(layer, definition.phase, data_dir=data_dir, seed=seed)
        except DataError as error:
            missing[layer.tops[0]] = error
            continue
        if feed is not None:
            feeds.append(feed)
    return tuple(feeds), missing


def open_source(config, phase="TRAIN", level=None, stages=(), data_dir=None, batch_size=None, changes=()):
    """Returns the `ConfigNet` of a config, each of its inputs with `batch_size` items where that is given.

    Raises:
        ZooError: the file is missing or no prototxt, or what is wrong with its net.
    """
    source = read(config, phase, level, stages, data_dir, changes)
    if batch_size is None:
        return source
    layers = tuple(
        dataclasses.replace(layer, message=sized(layer, batch_size) or layer.message)
        for layer in source.definition.layers
    )
    return dataclasses.replace(source, definition=dataclasses.replace(source.definition, layers=layers))


def timed_net(source, data_dir=None, shapes=None, seed=0):
    """Returns the `TimedNet` of a `ConfigNet`.

    Where the data of a layer are not there its numbers are made up, in the shape that crop_size, mean or `shapes` say.

    Args:
        source: as `open_source` gives it.
        data_dir: where data sources are looked for first.
        shapes: {blob: Caffe shape} of inputs whose shape nothing else says; their axis 0 does not count.
        seed: fixes fillers and made numbers.

    Raises:
        ZooError: what is wrong with the net, or an input whose shape nothing says.
    """
    sinks = [layer for layer in source.definition.layers if not layer.tops and find(layer.kind).runs_on_host]
    layers = tuple(layer for layer in source.definition.layers if layer not in sinks)
    definition = dataclasses.replace(source.definition, layers=layers)
    feeds, missing = open_feeds(definition, data_dir, seed)
    sizes = {feed.layer.tops[0]: feed.shapes for feed in feeds}
    unsaid = [layer for layer in definition.layers if layer.tops and layer.tops[0] in missing]
    if unsaid:
        known, _ = input_shapes.shapes(source, shapes or {}, data_dir=data_dir)
        sizes |= {
            layer.tops[0]: tuple(_made_shape(layer, i, known) for i in range(len(layer.tops))) for layer in unsaid
        }
    net = build(definition, sizes, seed=seed, held=1)  # the gradients
    values = {}
    for feed in feeds:
        with feed.reading():
            values |= zip(feed.layer.tops, next(iter(feed.dataset())))
    rng = np.random.default_rng(seed)
    for ref in net.inputs:
        if ref not in values:
            values[ref] = _numbers(net, ref, rng)
    made = {layer.key: f"an {layer.type} layer" for layer in definition.layers if find(layer.kind).fed_by_program}
    made |= {layer.key: str(missing[layer.tops[0]]) for layer in unsaid}
    return TimedNet(net, tuple(values[ref] for ref in net.inputs), feeds, made, tuple(sinks))


def _made_shape(layer, index, known):
    items = getattr(layer.message, find(layer.kind).batch_param).batch_size
    shape = known.get(layer.tops[index].name, ())
    return (items, *shape[1:])


def _numbers(net, ref, rng):
    """Noise for what layers compute with; 0 for labels, indices and markers, which must be in a range."""
    shape = keras_shape(net.shapes[ref])
    readers = [layer for layer in net.layers if ref in layer.definition.bottoms]
    counts = any(layer.definition.bottoms[0] != ref or 0 in layer.type.integers(layer.bottoms) for layer in readers)
    if len(shape) < 2 or counts:
        return tf.zeros(shape)
    return tf.constant(rng.uniform(-100, 100, shape).astype(np.float32))
