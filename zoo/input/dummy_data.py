"""DummyData: tops of given shapes, filled (dummy_data_layer.cpp)."""

import tensorflow as tf

from zoo.converters import fillers
from zoo.input.feed import Feed, inside
from zoo.input.order import generator
from zoo.input.sources.fetch import Fetch, ordinals
from zoo.input.transform import stream_key
from zoo.layers.base.geometry import keras_shape


class DummyDataLayer(Feed):
    """A DummyData layer: constants are filled once, all else again for every batch, as a function of seed and batch.

    Args:
        layer: the `LayerDef`, of type "DummyData".
        phase, seed: with the layer's name they decide what is drawn.
        data_dir: not used.

    Raises:
        ZooError: wrong fields, or a filler that cannot fill its shape.
    """

    def __init__(self, layer, phase, *, data_dir=None, seed=0):
        super().__init__(layer)
        self.shapes = self.type.shapes
        self._key, self._fetch = stream_key(seed, phase, layer.key), Fetch()
        self._constants = {}
        for top, (shape, filler) in enumerate(zip(self.shapes, self.type.fillers)):
            at = layer.at("dummy_data_param.data_filler")
            if filler is None or filler.type == "constant":
                self._constants[top] = inside(fillers.fill(filler, shape, None, at))
            else:
                fillers.check(filler, shape, at)

    def dataset(self, start_batch=0):
        """As `Feed.dataset`."""
        if len(self._constants) == len(self.shapes):
            return tf.data.Dataset.from_tensors(self._tops(0)).repeat()
        spec = [tf.TensorSpec(keras_shape(shape), tf.float32) for shape in self.shapes]
        return self._fetch.map(ordinals(start_batch), self._tops, spec).prefetch(2)

    def diagnose(self, error):
        """As `Feed.diagnose`."""
        return self._fetch.diagnose(error)

    def _tops(self, batch):
        return tuple(
            self._constants[top]
            if top in self._constants
            else inside(fillers.fill(filler, shape, generator(self._key, batch, top)))
            for top, (shape, filler) in enumerate(zip(self.shapes, self.type.fillers))
        )
