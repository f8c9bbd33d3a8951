"""Runs ranges of a net's layers forward and backward, with the values that its blobs hold."""

import dataclasses

import tensorflow as tf

from zoo.errors import NetError
from zoo.layers.base.geometry import keras_shape
from zoo.netdef.padding import cut, padded_shapes
from zoo.pycaffe import modes
from zoo.pycaffe.graph import blob_key
from zoo.pycaffe.memory import Order
from zoo.pycaffe.net_blobs import NetBlobs


@dataclasses.dataclass(frozen=True)
class _Record:
    """One run of layers forward: the values it saw, and what the layers carried then (nothing where that stays)."""

    values: dict
    carried: list | tuple
    clock: int


class Engine(NetBlobs):
    """A net ready to run; arguments and attributes are those of `NetBlobs`."""

    def __init__(self, definition, seed):
        self._records, self._holds = {}, {}
        self._clock, self._fresh = 0, True
        super().__init__(definition, seed)

    def forget(self):
        """Forgets what the last forward pass saw."""
        self._records.clear()

    def set_clock(self, count):
        """Makes the next forward pass draw what the one after `count` passes draws."""
        if self.net.clock is not None:
            self.net.clock.assign(count)
        self._clock, self._fresh = count, True

    def forward(self, start, end, hooks=((), ())):
        """Runs layers start..end; returns their part of the loss.

        Args:
            hooks: functions of a layer's index to call before and after it.
        """
        self.fit(last=end)
        self.flush()
        if self.net.clock is not None and not self._fresh:
            self.net.clock.assign_add(1)
            self._clock += 1
        self._fresh = False
        losses = []
        for first, last in self._parts(start, end, bool(hooks[0] or hooks[1])):
            for hook in hooks[0]:
                hook(first)
            with tf.device(modes.device()):
                losses.append(self._forward_part(first, last, end))
            if last in self._results:
                bottom, *_ = self.net.layers[last].definition.bottoms
                self._results[last].add(self._blobs(self.net.layers[last].definition.tops)[0], self.blob(bottom))
            for hook in hooks[1]:
                hook(last)
        return [loss for loss in losses if loss is not None]

    def _parts(self, start, end, singly):
        """Yields (first, last) of runs of layers that go together."""
        first = start
        for i in range(start, end + 1):
            if i in self._hosts or i in self._counted or i in self._results or singly or i == end:
                if first < i and i in self._hosts:
                    yield first, i - 1
                    first = i
                yield first, i
                first = i + 1

    def _forward_part(self, first, last, end):
        layers = self.net.layers
        if first in self._hosts:
            layer = layers[first].definition
            self._hosts[first].forward(self._blobs(layer.bottoms), self._blobs(layer.tops))
            self._holds.update((blob_key(top), top) for top in layer.tops)
            if layer.type == "Python":
                self.fit(after=first, last=end)
            weighted = zip(layers[first].loss_weights, self._blobs(layer.tops))
            return sum(weight * float(blob.data.sum()) for weight, blob in weighted if weight)
        for i in range(first, last + 1):
            if i in self.sources:
                self.sources[i].fill(self._blobs(layers[i].definition.tops))
                self._holds.update((blob_key(top), top) for top in layers[i].definition.tops)
        graph = self._graph
        run = graph.forward(first, last, modes.device())
        if not run.writes and not graph.indices(first, last):
            return None
        self._check_shapes(run.reads.values())
        values = [self.blob(ref)._data.device() for ref in run.reads.values()]
        carried = graph.carried() if run.writes_state(values) else ()
        loss, tops = run(values)
        known = dict(zip(run.reads.values(), values)) | dict(zip(run.writes, tops))
        record = _Record(known, carried, self._clock)
        self._records.update(dict.fromkeys(graph.indices(first, last), record))
        tops = self._real(graph.indices(first, last), dict(zip(run.writes, tops)))
        newest = {blob_key(ref): (ref, tensor) for ref, tensor in tops.items()}
        for key, (ref, tensor) in newest.items():
            self.blobs[key].put(tensor)
            self._holds[key] = ref
        if carried:
            self.changed(carried_only=True)
        if last in self._counted:
            self.fit(after=last, last=end)
        return loss

    def _real(self, indices, values):
        """Returns `values` ({BlobRef: tensor}) with the tops of padded layers cut to their real rows."""
        for i in self._padded.intersection(indices):
            layer = self.net.layers[i]
            tops = layer.definition.tops
            rows = layer.type.real_rows(Order.to_caffe(values[tops[0]].numpy()))
            for ref, shape in zip(tops, padded_shapes(layer.type, layer.tops, rows)):
                values[ref] = cut(values[ref], keras_shape(shape))
        return values

    def _check_shapes(self, refs):
        for ref in refs:
            if self.blob(ref).shape != self.net.shapes[ref] and ref not in self._any_rows:
                want = f"{self.net.shapes[ref]}, as the layers before it compute"
                raise NetError(f'blob "{ref}" was reshaped', got=self.blob(ref).shape, want=want)

    def backward(self, start, end, hooks=((), ())):
        """Runs layers start..end, start >= end, backward; gradients of parameters add to what is there."""
        if self.net.sized is not None and start >= self.net.sized:
            self.fit(last=start)  # says what refuses
        self.flush()
        for first, last, record in self._backward_parts(start, end, bool(hooks[0] or hooks[1])):
            for hook in hooks[0]:
                hook(last)
            with tf.device(modes.device()):
                self._backward_part(first, last, record)
            for hook in hooks[1]:
                hook(first)

    def _backward_parts(self, start, end, singly):
        """Yields (first, last, record), from the end of the net to its beginning."""
        last, record = start, None
        for i in range(start, end - 1, -1):
            if i not in self.sources and i not in self._hosts:
                record = record or self._records.get(i)
            before = i - 1
            outside = i in self._hosts or before in self._hosts
            other = before in self._records and record is not None and self._records[before] is not record
            if i == end or outside or singly or other:
                yield i, last, record
                last, record = before, None

    def _backward_part(self, first, last, record):
        graph = self._graph
        if first in self._hosts:
            layer, need = self.net.layers[first].definition, graph.needs[first]
            if need.layer:
                self._hosts[first].backward(self._blobs(layer.tops), need.bottoms, self._blobs(layer.bottoms))
            return
        run = graph.backward(first, last, modes.device())
        if not run.indices:
            return
        values = [self._value(ref, record) for ref in run.values]
        carried = record.carried if record else ()
        if not carried and record and self.net.clock is not None and record.clock != self._clock:
            carried = [*graph.carried()[:-1], tf.constant(record.clock, self.net.clock.dtype)]
        diffs = [self.blobs[key]._diff.device() for key in run.diffs]
        gives, gradients = run(values, diffs, carried)
        for key, tensor in zip(run.gives, gives):
            self.blobs[key]._diff.put(tensor)
        for parameter, tensor in zip(run.parameters, gradients):
            self._parameter_blobs[parameter.key]._diff.add(tensor)

    def _value(self, ref, record):
        """The blob's own value, which the user may have written; or, of one overwritten in place, the recorded one."""
        if record is None or self._holds.get(blob_key(ref), ref) == ref:
            return self.blob(ref)._data.device()
        return record.values[ref]
