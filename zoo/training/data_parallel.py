"""The inner loop on several devices: each runs its rows of the batch, all make the same update."""

import tensorflow as tf

from zoo.training.own_function import own_function
from zoo.training.replicas import all_reduce
from zoo.training.step import ForwardPass, TrainStep


class DataParallelStep(TrainStep):
    """Iterations of a solver on several devices; a `TrainStep` otherwise.

    Without `global_layers`, as Caffe (parallel.cpp:196-342): each device normalises the loss of its own batch and the
    update is made with the mean of their gradients. Caffe displays the loss of its first device, here it is the mean of
    all, and so are scalar outputs; other outputs are the first device's. With them all is as on one device.

    BatchNorm normalises each device's rows by themselves, and the first device's running sums are kept, as in Caffe.

    Args:
        net: the TRAIN `Net` of one device, of its own rows where a batch is split.
        optimizer: made in the strategy's scope.
        replicas: the `Replicas`, several.
        global_layers: the `GlobalBatchLayers`, where a batch is split, or None.
        iter_size, gradients, still, scoped: as for `TrainStep`; the gradients are the first device's.
    """

    def __init__(
        self, net, optimizer, replicas, global_layers=None, iter_size=1, gradients=False, still=(), scoped=False
    ):
        super().__init__(net, optimizer, iter_size, gradients, still, scoped=scoped)
        self.replicas, self.global_layers = replicas, global_layers
        if global_layers is not None:
            self.pass_forward, self.shapes = ForwardPass(net, global_layers.needs, scoped), global_layers.shapes
        self.forward = own_function(lambda iterator: self._first(self._on_all(self._whole, next(iterator))))

    # ---- in a replica's context -------------------------------------------------------------------------------

    def _loss(self, batch, training):
        if self.global_layers is None:
            return super()._loss(batch, training)
        return self.global_layers(self.pass_forward(batch, training))

    def _begin(self, *batch):
        return self._backward(batch)

    def _add(self, batch, sums):
        loss, _, gradients = sums
        more, outputs, added = self._backward(batch)
        return loss + more, outputs, [a + b for a, b in zip(gradients, added)]

    def _end(self, sums):
        loss, outputs, gradients = sums
        self._update([g / self.replicas.count for g in gradients])
        return loss / self.iter_size, outputs, self._shown(gradients)

    def _whole(self, *batch):
        return self._shared(*self._loss(batch, training=True))

    def _shared(self, loss, outputs):
        """Returns both as they are said: means over the devices, where they are not of the whole batch already."""
        if self.global_layers is not None:
            return loss, outputs
        numbers = [loss, *(value for value in outputs if value.shape.rank == 0)]
        numbers = iter(all_reduce(tf.distribute.ReduceOp.MEAN, numbers))
        return next(numbers), tuple(next(numbers) if value.shape.rank == 0 else value for value in outputs)

    # ---- across them ------------------------------------------------------------------------------------------

    def _on_all(self, function, args=()):
        return self.replicas.strategy.run(function, args)

    def _first(self, values):
        """Returns of (nested) `values` those of this process's first device."""
        local = self.replicas.strategy.experimental_local_results
        return tf.nest.map_structure(lambda value: local(value)[0], values)

    def _iteration(self, iterator):
        sums = self._on_all(self._begin, next(iterator))
        for _ in tf.range(self.iter_size - 1) if self.iter_size > 1 else ():
            sums = self._on_all(self._add, (next(iterator), sums))
        return self._on_all(self._end, (sums,))

    def _run(self, iterator, count):
        losses = self._on_all(lambda: tf.zeros([count]))
        outputs, gradients = self._on_all(self._nothing)
        for i in tf.range(count):
            loss, outputs, gradients = self._iteration(iterator)
            losses = self._on_all(_put, (losses, i, loss))
        losses, outputs = self._on_all(self._shared, (losses, outputs))
        return self._first((losses, outputs, gradients))


def _put(vector, index, value):
    return tf.tensor_scatter_nd_update(vector, [[index]], [value])
