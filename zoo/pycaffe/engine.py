"""A net with its blobs: builds for the shapes that the blobs have, runs ranges of layers forward and backward."""

import dataclasses
from collections import OrderedDict

import tensorflow as tf

from zoo.converters.build import build
from zoo.converters.layers.python import hosting
from zoo.converters.parameters import Parameters
from zoo.errors import NetError
from zoo.pycaffe import modes
from zoo.pycaffe.blob import Blob
from zoo.pycaffe.graph import Graph, blob_key
from zoo.pycaffe.hosts import TYPES, host
from zoo.pycaffe.memory import Memory, VariableMemory
from zoo.pycaffe.need import needs
from zoo.pycaffe.sources import open_data, source
from zoo.pycaffe.splits import insert_splits

_KEPT_BUILDS = 16


@dataclasses.dataclass(frozen=True)
class _Record:
    """One run of layers forward: the values it saw, and what the layers carried then (nothing where that stays)."""

    values: dict
    carried: list | tuple
    clock: int


class _OwnParameters(Parameters):
    """Parameters whose variables can be replaced by another net's."""

    def replace(self, key, variable):
        self._owned[key] = dataclasses.replace(self._owned[key], variable=variable)


class Engine:
    """A net ready to run.

    Args:
        definition: the NetDef, without Splits.
        seed: an integer for fillers, data and random layers.

    Attributes:
        definition: the NetDef, with Splits.
        net: the `Net` built for the present shapes.
        blobs: {blob key: Blob} in the order in which the layers make them.
        parameters: for each layer its list of parameter `Blob`s; shared ones are the same object.
        sources: {layer index: what fills its tops}.
        instances: {name: object} of the Python layers.

    Raises:
        ZooError: what the layers refuse.
    """

    def __init__(self, definition, seed):
        self.definition = insert_splits(definition)
        self.instances = {}
        self._own, self._device = _OwnParameters(seed), modes.device
        self._data = open_data(self.definition, seed)
        self._builds, self._records, self._holds = OrderedDict(), {}, {}
        self._clock, self._fresh = 0, True
        self.net = None
        self._build({self.definition.layers[i].name: data.shapes for i, data in self._data.items()})
        self.blobs = OrderedDict()
        for layer in self.net.layers:
            for ref in layer.definition.tops:
                if blob_key(ref) not in self.blobs:
                    self.blobs[blob_key(ref)] = Blob(ref.name, Memory(self.net.shapes[ref]))
        self.sources = {
            i: source(layer, self._data.get(i), seed) for i, layer in enumerate(self.net.layers) if layer.call is None
        }
        self._stated = {i: layer.tops for i, layer in enumerate(self.net.layers) if i in self.sources}
        hosted = {i: layer for i, layer in enumerate(self.net.layers) if layer.definition.type in TYPES}
        self._hosts = {i: host(layer, self.instances) for i, layer in hosted.items()}
        self._make_parameters()
        self._graphs = {}
        for i, filler in self.sources.items():
            if hasattr(filler, "begin"):
                filler.begin(self._blobs(self.net.layers[i].definition.tops))
        self._set_loss_weights(self.blobs)

    # ---- building ----

    def _build(self, shapes):
        key = tuple(shapes.items())
        if key not in self._builds:
            with hosting(self.instances), tf.device(modes.device()):
                built = build(self.definition, shapes, self._own)
            self._builds[key] = built
            if len(self._builds) > _KEPT_BUILDS:
                _, old = self._builds.popitem(last=False)
                self._graphs.pop(id(old), None)
        self._builds.move_to_end(key)
        before, self.net = self.net, self._builds[key]
        if before is not None:
            for name, variable in self.net.state.items():
                if name in before.state and before.state[name].shape == variable.shape:
                    variable.assign(before.state[name])
            if self.net.clock is not None:
                self.net.clock.assign(before.clock)

    def _make_parameters(self):
        blobs = {}
        for layer in self.net.layers:
            for p in layer.parameters:
                if p.key not in blobs:
                    blobs[p.key] = Blob(str(p.key), VariableMemory(p), Memory(p.spec.shape, p.spec))
        self.parameters = [[blobs[p.key] for p in layer.parameters] for layer in self.net.layers]
        self._parameter_blobs = blobs
        for layer, own in zip(self.net.layers, self.parameters):
            if layer.definition.name in self.instances and layer.definition.type == "Python":
                instance = self.instances[layer.definition.name]
                for blob, first in zip(own, list(instance.blobs)):
                    blob.data[...] = first.data  # what its setup wrote
                instance.blobs[:] = own

    def blob(self, ref):
        """Returns the `Blob` that holds the value `ref`."""
        return self.blobs[blob_key(ref)]

    def _blobs(self, refs):
        return [self.blob(ref) for ref in refs]

    def _tops(self, index):
        return tuple(blob.shape for blob in self._blobs(self.net.layers[index].definition.tops))

    def fit(self, after=None):
        """Makes the net follow its blobs' shapes: those of the sources, and of Python layers up to index `after`."""
        fixed = [*self.sources, *(i for i in self._hosts if after is not None and i <= after)]
        layers = self.net.layers
        if all(self._tops(i) == layers[i].tops for i in fixed):
            return
        changed = [i for i in sorted(fixed) if i in self._data or i in self._hosts or self._tops(i) != self._stated[i]]
        self._build({layers[i].definition.name: self._tops(i) for i in changed})
        if after is None:
            self._records.clear()
        reshaped = {}
        for ref, shape in self.net.shapes.items():
            if self.blob(ref).shape != shape:
                self.blob(ref).reshape(*shape)
                reshaped[blob_key(ref)] = None
        self._set_loss_weights(reshaped)

    def _set_loss_weights(self, keys):
        """A weighted top's gradient starts as its weight (layer.hpp SetLossWeights)."""
        for layer in self.net.layers:
            for ref, weight in zip(layer.definition.tops, layer.loss_weights):
                if weight and blob_key(ref) in keys:
                    self.blob(ref).diff[...] = weight

    @property
    def _graph(self):
        if id(self.net) not in self._graphs:
            wanted = needs(self.net.layers, self.definition.message.force_backward)
            outside = {i for i, layer in enumerate(self.net.layers) if layer.call is None} | set(self._hosts)
            self._graphs[id(self.net)] = Graph(self.net, wanted, outside)
        return self._graphs[id(self.net)]

    # ---- parameters ----

    def flush(self):
        """Brings what the user wrote into parameters' arrays to the variables."""
        for blob in self._parameter_blobs.values():
            blob._data.flush()

    def changed(self, carried_only=False):
        """Takes note that variables have new values: all, or those only that layers carry from batch to batch."""
        for key, blob in self._parameter_blobs.items():
            if not (carried_only and self._own[key].spec.trainable):
                blob._data.changed()

    def learnable(self):
        """Returns [(Parameter, Blob)] in Caffe's order of learnable parameters."""
        return [(p, self._parameter_blobs[p.key]) for p in self.net.learnable()]

    def adopt(self, pairs):
        """Shares values with other nets: `pairs` are (own Blob, other's Blob) of equal shapes; gradients stay apart."""
        keys = {id(blob): key for key, blob in self._parameter_blobs.items()}
        for own, other in pairs:
            self._own.replace(keys[id(own)], other._data.variable)
            own._data = other._data
        kept = {layer.definition.name: layer.tops for layer in self.net.layers if layer.call is None}
        self._builds.clear()
        self._graphs.clear()
        self._build(kept)

    # ---- running ----

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
        self.fit()
        self.flush()
        if self.net.clock is not None and not self._fresh:
            self.net.clock.assign_add(1)
            self._clock += 1
        self._fresh = False
        losses = []
        for first, last in self._parts(start, end, bool(hooks[0] or hooks[1])):
            for hook in hooks[0]:
                hook(first)
            losses.append(self._forward_part(first, last))
            for hook in hooks[1]:
                hook(last)
        return [loss for loss in losses if loss is not None]

    def _parts(self, start, end, singly):
        """Yields (first, last) of runs of layers that go together."""
        first = start
        for i in range(start, end + 1):
            if i in self._hosts or singly or i == end:
                if first < i and i in self._hosts:
                    yield first, i - 1
                    first = i
                yield first, i
                first = i + 1

    def _forward_part(self, first, last):
        layers = self.net.layers
        if first in self._hosts:
            layer = layers[first].definition
            self._hosts[first].forward(self._blobs(layer.bottoms), self._blobs(layer.tops))
            self._holds.update((blob_key(top), top) for top in layer.tops)
            if layer.type == "Python":
                self.fit(after=first)
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
        newest = {blob_key(ref): (ref, tensor) for ref, tensor in zip(run.writes, tops)}
        for key, (ref, tensor) in newest.items():
            self.blobs[key].put(tensor)
            self._holds[key] = ref
        if carried:
            self.changed(carried_only=True)
        return loss

    def _check_shapes(self, refs):
        for ref in refs:
            if self.blob(ref).shape != self.net.shapes[ref]:
                want = f"{self.net.shapes[ref]}, as the layers before it give"
                raise NetError(f'blob "{ref}" was reshaped', got=self.blob(ref).shape, want=want)

    def backward(self, start, end, hooks=((), ())):
        """Runs layers start..end, start >= end, backward; gradients of parameters add to what is there."""
        self.flush()
        for first, last, record in self._backward_parts(start, end, bool(hooks[0] or hooks[1])):
            for hook in hooks[0]:
                hook(last)
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

    @staticmethod
    def key(ref):
        """Returns the key in `blobs` of the value `ref`."""
        return blob_key(ref)
