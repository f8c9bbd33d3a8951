"""The batches of a whole net: its data layers' datasets side by side, in the order of the net's inputs."""

import contextlib
from fractions import Fraction

import tensorflow as tf

from zoo.errors import NetError, ZooError, raise_together
from zoo.input.pipeline import data_layer
from zoo.training.replicas import ONE


class Feeds:
    """What feeds one net.

    Args:
        definition: the `NetDef`.
        data_dir: where sources are looked for first.
        seed: fixes random crops and mirrors.
        replicas: the `Replicas` that are fed.
        ram_cache: whether decoded images are kept in memory.
        shards: the `ShardCheck` of what is read, or None.

    Raises:
        ZooError: a source is missing or damaged, or an input that nothing feeds; all of these in one error.
    """

    def __init__(self, definition, data_dir=None, seed=0, replicas=ONE, ram_cache=False, shards=None):
        self.definition = definition
        self._replicas, self._cache_parts = replicas, replicas.workers if ram_cache else None
        self._shards = shards
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
        feed = data_layer(layer, phase, data_dir=data_dir, seed=seed, cache_parts=self._cache_parts)
        if feed is None:
            return
        count = self._replicas.count if self._replicas.global_batch else 1
        for shape in feed.shapes:
            if shape[0] % count:
                want = f"a multiple of {count}, the number of devices, or no --global_batch"
                raise NetError("the batch does not divide among the devices", at=layer.at(), got=shape[0], want=want)
        if self._shards:
            feed.verify(self._shards)
        self._layers.append(feed)

    @property
    def shapes(self):
        """{first top of each layer: Caffe shapes of its tops}, as the file has them."""
        return {feed.layer.tops[0]: feed.shapes for feed in self._layers}

    @property
    def replica_shapes(self):
        """{first top of each layer: Caffe shapes of its tops}, as each device gets them."""
        count = self._replicas.count if self._replicas.global_batch else 1
        return {top: tuple((n // count, *rest) for n, *rest in shapes) for top, shapes in self.shapes.items()}

    @property
    def count(self):
        """How many items one pass over the data holds, by the layer that has most; None where no layer knows."""
        counts = [feed.count for feed in self._layers if getattr(feed, "count", None) is not None]
        return max(counts, default=None)

    @property
    def epoch(self):
        """How many batches one pass over the data takes, a Fraction, by the layer that takes most; None: not known.

        A LevelDB, which would have to be read through, is taken as one that does not know.
        """
        known = [feed for feed in self._layers if getattr(feed, "counted", True) and getattr(feed, "count", None)]
        return max((Fraction(int(feed.count), int(feed.shapes[0][0])) for feed in known), default=None)

    def fingerprints(self):
        """Returns [(`LayerDef`, text)] of what the data layers read, see `Feed.fingerprint`."""
        found = [(feed.layer, feed.fingerprint()) for feed in self._layers]
        return [(layer, text) for layer, text in found if text is not None]

    def titles(self):
        """Returns what the data layers read, in words for people, as a tuple; see `Feed.title`."""
        return tuple(dict.fromkeys(filter(None, (feed.title() for feed in self._layers))))

    def classes(self):
        """Returns the names of labels, from 0, by the first data layer whose data has them; else ()."""
        return next(filter(None, (feed.classes() for feed in self._layers)), ())

    def channel_order(self, ref):
        """Returns the order of the three channels of the input `ref`, "BGR" or "RGB"."""
        return next((feed.channel_order() for feed in self._layers if ref in feed.layer.tops), "BGR")

    def batches(self, start):
        """Returns an iterator of tuples, one tensor for each input of the net, from batch `start` on, for ever.

        With several devices a batch is that of all, and a tensor each device's slice of it.
        """
        if self._replicas.count == 1:
            return iter(_side_by_side([feed.dataset(start) for feed in self._layers]))
        strategy = self._replicas.strategy
        return iter(strategy.distribute_datasets_from_function(lambda context: self.dealt(start)))

    def dealt(self, start):
        """Returns the dataset of what this process's devices get, one after the other, from batch `start` on.

        Its process has every `workers`-th row of the whole batch, and of these its devices take turns.
        """
        replicas = self._replicas
        joined, part = 1 if replicas.global_batch else replicas.count, (replicas.worker, replicas.workers)
        dataset = _side_by_side([feed.rows(start, joined, part) for feed in self._layers])

        def deal(x):
            turns = tf.reshape(x, (-1, replicas.local, *x.shape[1:]))
            return tf.transpose(turns, (1, 0, *range(2, turns.shape.rank)))

        if replicas.local > 1:
            dataset = dataset.map(lambda *tops: tuple(map(deal, tops)), tf.data.AUTOTUNE, deterministic=True).unbatch()
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return dataset.apply(endless).prefetch(tf.data.AUTOTUNE)

    @contextlib.contextmanager
    def reading(self):
        """Around reading: damaged data, and exchanged shards, become a DataError that names the file and the cure."""
        with contextlib.ExitStack() as stack:
            for feed in self._layers:
                stack.enter_context(feed.reading())
            yield
        if self._shards:
            self._shards.raise_found()


def _side_by_side(datasets):
    if len(datasets) == 1:
        return datasets[0]
    return tf.data.Dataset.zip(tuple(datasets)).map(lambda *parts: sum(parts, ()))
