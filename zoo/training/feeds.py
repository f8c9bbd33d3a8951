"""The batches of a whole net: its data layers' datasets side by side, in the order of the net's inputs."""

import contextlib

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

    Raises:
        ZooError: a source is missing or damaged, or an input that nothing feeds; all of these in one error.
    """

    def __init__(self, definition, data_dir=None, seed=0, replicas=ONE):
        self._replicas = replicas
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
        if feed is None:
            return
        count = self._replicas.count if self._replicas.global_batch else 1
        for shape in feed.shapes:
            if shape[0] % count:
                want = f"a multiple of {count}, the number of devices, or no --global_batch"
                raise NetError("the batch does not divide among the devices", at=layer.at(), got=shape[0], want=want)
        self._layers.append(feed)

    @property
    def shapes(self):
        """{layer name: Caffe shapes of its tops}, as the file has them."""
        return {feed.layer.name: feed.shapes for feed in self._layers}

    @property
    def shares(self):
        """{layer name: Caffe shapes of its tops}, as each device gets them."""
        count = self._replicas.count if self._replicas.global_batch else 1
        return {name: tuple((n // count, *rest) for n, *rest in shapes) for name, shapes in self.shapes.items()}

    def batches(self, start):
        """Returns an iterator of tuples, one tensor for each input of the net, from batch `start` on, for ever.

        With several devices a batch is that of all, and a tensor each device's share of it.
        """
        if self._replicas.count == 1:
            return iter(self._dataset(start))
        strategy = self._replicas.strategy
        return iter(strategy.distribute_datasets_from_function(lambda context: self._dealt(start)))

    def _dataset(self, start):
        datasets = [feed.dataset(start) for feed in self._layers]
        if len(datasets) == 1:
            return datasets[0]
        return tf.data.Dataset.zip(tuple(datasets)).map(lambda *parts: sum(parts, ()))

    def _dealt(self, start):
        """Returns the dataset of what this process's devices get, one after the other, from batch `start` on."""
        replicas = self._replicas
        count, local = replicas.count, replicas.local
        dataset = self._dataset(start if replicas.global_batch else start * count)
        if not replicas.global_batch:
            dataset = dataset.batch(count, drop_remainder=True)

        def deal(*tops):
            return tuple(mine(x if replicas.global_batch else tf.reshape(x, (-1, *x.shape[2:]))) for x in tops)

        def mine(x):
            rows = x[replicas.worker :: replicas.workers]  # this process's; its devices take turns
            parts = tf.reshape(rows, (x.shape[0] // count, local, *x.shape[1:]))
            return tf.transpose(parts, (1, 0, *range(2, parts.shape.rank)))

        dataset = dataset.map(deal, tf.data.AUTOTUNE, deterministic=True).unbatch()
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return dataset.apply(endless).prefetch(tf.data.AUTOTUNE)

    @contextlib.contextmanager
    def reading(self):
        """Around reading: damaged data becomes a DataError that names the file and what to run."""
        with contextlib.ExitStack() as stack:
            for feed in self._layers:
                stack.enter_context(feed.reading())
            yield
