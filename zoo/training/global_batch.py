"""The layers of a net that see the whole batch where several devices split one: computed on every device alike."""

import tensorflow as tf

from zoo.converters.execution import steps
from zoo.errors import UnsupportedError
from zoo.training.replicas import all_reduce
from zoo.training.step import objective


class GlobalBatchLayers:
    """The layers that make one value of many items, mostly losses and Accuracy, and all that comes after them.

    Their bottoms are gathered from all devices, in the order that they have on one, so that every normaliser, ignored
    label and reduction is that of the whole batch, whatever the layer. Gradients of the gathered values go back to the
    device that has the rows, times the number of devices: the mean over devices is then the gradient of the batch.

    Args:
        net: the `Net` of one device's rows of the batch.
        whole: the `Net` of the whole batch, with the same parameters.
        replica_slice: the `ReplicaSlice` that `net` was built with.

    Attributes:
        needs: the values of `net` that a call takes.
        outputs, shapes: the net's outputs, as `Net.outputs` gives them, and the Caffe shapes of all values.

    Raises:
        UnsupportedError: a layer through which a batch cannot be split.
    """

    def __init__(self, net, whole, replica_slice):
        self._replica_slice, self._whole = replica_slice, whole
        self._rows, self._layers, made = set(), [], set()
        for layer, big in zip(net.layers, whole.layers):
            tops = layer.definition.tops
            split = {top for top, small, large in zip(tops, layer.tops, big.tops) if small != large}
            bottoms = layer.definition.bottoms
            if made.intersection(bottoms) or (self._rows.intersection(bottoms) and len(split) < len(tops)):
                self._layers.append(big)
                made.update(tops)
                mixed = layer.type.draws
            else:
                mixed = layer.type.mixes_batch or not all(
                    self._is_rows(net.shapes[top], whole.shapes[top]) for top in split
                )
                self._rows |= split
            if mixed:
                at, hint = layer.definition.at(), "train without --global_batch: then each device takes a whole batch"
                raise UnsupportedError("a batch cannot be split among devices here", at=at, hint=hint)
        self.outputs, self.shapes = whole.outputs(), whole.shapes
        read = [bottom for layer in self._layers for bottom in layer.definition.bottoms]
        read += [*self.outputs, *(top for top, _ in whole.losses)]
        self.needs = tuple(dict.fromkeys(ref for ref in read if ref not in made))

    def _is_rows(self, small, large):
        dealt = bool(small) and small[0] % self._replica_slice.items == 0
        return dealt and tuple(large) == (small[0] * self._replica_slice.count, *small[1:])

    def __call__(self, values):
        """Returns (loss, outputs) of the whole batch. To be called in a replica's context.

        Args:
            values: {BlobRef: this device's rows} for `needs`.
        """
        values = {ref: self._gather(value) if ref in self._rows else value for ref, value in values.items()}
        for _ in steps(self._layers, values):
            pass
        outputs = tuple(tf.cast(values[top], tf.float32) for top in self.outputs)
        return objective(self._whole.losses, values), outputs

    def _gather(self, x):
        """Returns the rows (count * N, ...) of all devices of `x` (N, ...), each item in its place.

        A sum, in which every place is 0 but on one device: what TensorFlow has to gather with fails in a process of one
        device (2.21, "destinations can not be empty").
        """
        count, items = self._replica_slice.count, self._replica_slice.items
        rank = self._replica_slice.rank()
        rest = [x.shape[0] // items, *x.shape[1:]]
        place = tf.reshape(tf.equal(tf.range(count), rank), [1, count, *[1] * len(rest)])

        @tf.custom_gradient
        def whole(x):
            alone = tf.where(place, tf.reshape(x, [items, 1, *rest]), tf.zeros([], x.dtype))
            parts = all_reduce(tf.distribute.ReduceOp.SUM, alone)

            def back(gradient):
                mine = tf.reshape(gradient, [items, count, *rest])[:, rank]
                return tf.reshape(mine, x.shape) * tf.cast(count, x.dtype)

            return tf.reshape(parts, [count * x.shape[0], *x.shape[1:]]), back

        return whole(x)
