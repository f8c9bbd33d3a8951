"""The batches of a whole net: its data layers' datasets side by side, in the order of the net's inputs."""

import contextlib

import tensorflow as tf

from zoo.errors import NetError, ZooError, raise_together
from zoo.input.pipeline import data_layer


class Feeds:
    """What feeds one net.

    Args:
        definition: the `NetDef`.
        data_dir: where sources are looked for first.
        seed: fixes random crops and mirrors.

    Raises:
        ZooError: a source is missing or damaged, or an input that nothing feeds; all of these in one error.
    """

    def __init__(self, definition, data_dir=None, seed=0):
        self._layers, errors = [], []
        for layer in definition.layers:
            if layer.bottoms or not layer.tops:
                continue
            try:
                self._add(layer, definition.phase, data_dir, seed)
            except ZooError as error:
                errors.append(error)
        raise_together(errors)

    def _add(self, layer, phase, data_dir, seed):
        if layer.type == "Input":
            raise NetError("an Input layer cannot be trained on: nothing feeds it", at=layer.at(), want="a data layer")
        feed = data_layer(layer, phase, data_dir=data_dir, seed=seed)
        if feed is not None:
            self._layers.append(feed)

    @property
    def shapes(self):
        """{layer name: Caffe shapes of its tops}."""
        return {feed.layer.name: feed.shapes for feed in self._layers}

    def batches(self, start):
        """Returns an iterator of tuples, one tensor for each input of the net, from batch `start` on, for ever."""
        datasets = [feed.dataset(start) for feed in self._layers]
        if len(datasets) == 1:
            return iter(datasets[0])
        return iter(tf.data.Dataset.zip(tuple(datasets)).map(lambda *parts: sum(parts, ())))

    @contextlib.contextmanager
    def reading(self):
        """Around reading: damaged data becomes a DataError that names the file and what to run."""
        with contextlib.ExitStack() as stack:
            for feed in self._layers:
                stack.enter_context(feed.reading())
            yield
