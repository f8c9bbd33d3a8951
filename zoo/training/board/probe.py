"""The same few test images at every look: what the net takes them for, and what its layers make of the first."""

import math

import tensorflow as tf

from zoo.layers.ops.layout import to_caffe
from zoo.training.own_function import own_function

IMAGES = 24
MAPS = 4  # values of which the activations are shown
CHANNELS = 64  # of each
BATCH_BYTES = 256 << 20  # a batch that takes more is not kept


class Probe:
    """The first batch of a test net, kept, and run again when asked.

    Args:
        net: the TEST `Net`. What it carries from batch to batch is afterwards what it was.
        batch: a tuple of tensors, one for each input.
        place: its `Classified`, or None.
    """

    def __init__(self, net, batch, place):
        self._batch, self._place, self._rank = list(batch), place, place and len(net.shapes[place.scores])
        self.maps = _maps(net)
        self._model = net.model((*self.maps, *([place.scores] if place else [])))
        self._carried = [*net.state.values(), *(p.variable for p in net.learnable() if p.spec.carried)]
        self._function = own_function(self._run)
        self.batch = dict(zip(net.inputs, batch))

    @classmethod
    def of(cls, net, batches, place):
        """Returns the probe of a net with what `batches()`, an iterator, gives first; None where it has no use.

        Layers that run outside of the graph may write files or count their calls, so nets with one have none.
        """
        size = sum(4 * math.prod(net.shapes[ref]) for ref in net.inputs)
        used = _maps(net) or (place and place.image)
        if any(layer.type.runs_on_host for layer in net.layers) or net.sinks or not used or size > BATCH_BYTES:
            return None
        return cls(net, next(batches()), place)

    def __call__(self):
        """Returns ({value: activations (C, H, W) of the first item}, shares (items, classes) or None)."""
        before = [variable.numpy() for variable in self._carried]
        maps, scores = self._function()
        for variable, array in zip(self._carried, before):
            variable.assign(array)
        return {ref: array.numpy() for ref, array in zip(self.maps, maps)}, None if scores is None else scores.numpy()

    def _run(self):
        outputs = tf.nest.flatten(self._model(self._batch, training=False))
        maps = [tf.cast(to_caffe(x[:1])[0, :CHANNELS], tf.float32) for x in outputs[: len(self.maps)]]
        if self._place is None or self._place.image is None:
            return maps, None
        scores = to_caffe(tf.cast(outputs[-1][:IMAGES], tf.float32))
        order = [axis for axis in range(self._rank) if axis != self._place.axis]
        scores = tf.reshape(tf.transpose(scores, (*order, self._place.axis)), (-1, self._place.classes))
        total = tf.reduce_sum(scores, axis=1)
        shares = tf.reduce_all(scores >= 0) & tf.reduce_all(tf.abs(total - 1) < 1e-3)  # of a Softmax already
        return maps, tf.where(shares, scores, tf.nn.softmax(scores))


def _maps(net):
    """Returns at most `MAPS` values of maps, evenly through the net: those that layers with weights give, if any."""
    tops = {}
    for layer in net.layers:
        if layer.call is None:
            continue
        for ref, shape in zip(layer.definition.tops, layer.tops):
            if len(shape) == 4 and min(shape[2:]) > 1:
                weighed = bool(layer.parameters) or (ref.name in tops and tops[ref.name][1])
                tops[ref.name] = ref, weighed  # the last value of a blob: what is in place is done
    found = [ref for ref, weighed in tops.values() if weighed] or [ref for ref, _ in tops.values()]
    number = min(MAPS, len(found))
    return tuple(found[round(k * (len(found) - 1) / max(1, number - 1))] for k in range(number))
