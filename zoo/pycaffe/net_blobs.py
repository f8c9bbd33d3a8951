"""A net with its blobs and parameters, built for the shapes that the blobs have."""

import dataclasses
from collections import OrderedDict

import tensorflow as tf

from zoo.converters.backward_needs import needs
from zoo.converters.parameters import Parameters
from zoo.converters.sized_nets import SizedNets
from zoo.errors import NetError
from zoo.layers.base.user_classes import hosting
from zoo.netdef.splits import insert_splits
from zoo.pycaffe import modes
from zoo.pycaffe.blob import Blob
from zoo.pycaffe.graph import Graph, blob_key
from zoo.pycaffe.host_layers import host
from zoo.pycaffe.memory import Memory, ReshapedMemory, VariableMemory
from zoo.pycaffe.results import Results, writes_results
from zoo.pycaffe.top_feeds import open_data, source


class _OwnParameters(Parameters):
    """Parameters whose variables can be replaced by another net's."""

    def replace(self, key, variable):
        self._owned[key] = dataclasses.replace(self._owned[key], variable=variable)


class NetBlobs:
    """A net and everything that its blobs hold.

    Args:
        definition: the NetDef, without Splits.
        seed: an integer for fillers, data and random layers.

    Attributes:
        definition: the NetDef, with Splits.
        net: the `Net` built for the present shapes.
        blobs: {blob key: Blob} in the order in which the layers make them.
        parameters: for each layer its list of parameter `Blob`s; shared ones are the same object.
        sources: {layer index: what fills its tops}.
        instances: {layer key: object} of the Python layers.

    Raises:
        ZooError: what the layers refuse.
    """

    def __init__(self, definition, seed):
        self.definition = insert_splits(definition)
        self.instances = {}
        self._own = _OwnParameters(seed)
        self._data = open_data(self.definition, seed)
        self._nets = SizedNets(self.definition, self._own, opens=self.definition.phase == "TEST" and not self._data)
        self.net = self._built({self.definition.layers[i].tops[0]: data.shapes for i, data in self._data.items()})
        self.blobs = OrderedDict()
        for layer in self.net.layers:
            for ref in layer.definition.tops:
                if blob_key(ref) not in self.blobs:
                    self.blobs[blob_key(ref)] = Blob(ref.name, Memory(self.net.shapes[ref]))
        self.sources = {
            i: source(layer, self._data.get(i), seed) for i, layer in enumerate(self.net.layers) if layer.call is None
        }
        self._stated = {i: layer.tops for i, layer in enumerate(self.net.layers) if i in self.sources}
        hosted = {i: layer for i, layer in enumerate(self.net.layers) if layer.type.runs_on_host}
        self._hosts = {i: host(layer, self.instances) for i, layer in hosted.items()}
        self._results = {
            i: Results(layer.type) for i, layer in enumerate(self.net.layers) if writes_results(layer.type)
        }
        self._padded = {i for i, layer in enumerate(self.net.layers) if layer.type.padded_axis is not None}
        self._counted = {i for i in self._padded if not self._readers_take_padding(i)}
        self._any_rows = {ref for i in self._padded - self._counted for ref in self.net.layers[i].definition.tops}
        self._make_parameters()
        for i, filler in self.sources.items():
            filler.begin(self._blobs(self.net.layers[i].definition.tops))
        self._set_loss_weights(self.blobs)

    # ---- building ----

    def _built(self, shapes, last=None):
        """Returns the `Net` for the shapes of the tops that are fed: one of the last builds, or a new one."""
        with hosting(self.instances), tf.device(modes.device()):
            return self._nets.at(shapes, last)

    def _build(self, shapes, last=None):
        """Makes the net the one for these shapes; what layers carry from batch to batch goes over to it."""
        before, self.net = self.net, self._built(shapes, last)
        for name, variable in self.net.state.items():
            if name in before.state and before.state[name].shape == variable.shape:
                variable.assign(before.state[name])
        if self.net.clock is not None:
            self.net.clock.assign(before.clock)

    def _make_parameters(self):
        owners = {p.key: self._own[p.key] for p in self.net.learnable()}
        self._parameter_blobs = {
            key: Blob(str(key), VariableMemory(p), Memory(p.spec.shape, p.spec)) for key, p in owners.items()
        }
        self.parameters = [[self._blob_of(p) for p in layer.parameters] for layer in self.net.layers]
        for layer, own in zip(self.net.layers, self.parameters):
            if layer.definition.key in self.instances and layer.definition.type == "Python":
                instance = self.instances[layer.definition.key]
                for blob, first in zip(own, list(instance.blobs)):
                    blob.data[...] = first.data  # what its setup wrote
                instance.blobs[:] = own

    def _blob_of(self, parameter):
        """Returns the owner's blob, or one over it where the layer shares it in another shape."""
        blob = self._parameter_blobs[parameter.key]
        if parameter.spec.shape == blob.shape:
            return blob
        data, diff = (ReshapedMemory(memory, parameter.spec.shape) for memory in (blob._data, blob._diff))
        return Blob(str(parameter.key), data, diff)

    def blob(self, ref):
        """Returns the `Blob` that holds the value `ref`."""
        return self.blobs[blob_key(ref)]

    def _blobs(self, refs):
        return [self.blob(ref) for ref in refs]

    def _readers_take_padding(self, index):
        """Whether nothing reads the rows that a padded layer makes but layers that know which are real."""
        tops = set(self.net.layers[index].definition.tops)
        readers = [layer for layer in self.net.layers if tops.intersection(layer.definition.bottoms)]
        return all(layer.type.takes_padding for layer in readers)

    def _tops(self, index):
        return tuple(blob.shape for blob in self._blobs(self.net.layers[index].definition.tops))

    def fit(self, after=None, last=None):
        """Makes the net follow its blobs' shapes: those of the sources and, up to index `after`, those known by then.

        Those are the shapes that Python layers gave, and the rows of padded layers whose readers take real ones only.
        Layers behind index `last`, which are not to run, may refuse the shapes: they and their tops stay as they are.
        """
        ran = sorted({*self._hosts, *self._counted})
        fixed = [*self.sources, *(i for i in ran if after is not None and i <= after)]
        layers = self.net.layers
        sized = len(layers) if self.net.sized is None else self.net.sized
        enough = self.net.sized is None or (last is not None and last < sized)
        if enough and all(self._tops(i) == layers[i].tops for i in fixed if i < sized):
            return
        changed = [i for i in sorted(fixed) if i in self._data or i in ran or self._tops(i) != self._stated[i]]
        self._build({layers[i].definition.tops[0]: self._tops(i) for i in changed if layers[i].tops}, last)
        if after is None:
            self.forget()
        reshaped = {}
        ran = self._any_rows if after is not None else ()
        for ref in [top for layer in self.net.layers[: self.net.sized] for top in layer.definition.tops]:
            shape = self.net.shapes[ref]
            if self.blob(ref).shape != shape and ref not in ran:
                self.blob(ref).reshape(*shape)
                reshaped[blob_key(ref)] = None
        self._set_loss_weights(reshaped)

    def forget(self):
        """Called when blobs have changed their shapes between passes."""

    def _set_loss_weights(self, keys):
        """A weighted top's gradient starts as its weight (layer.hpp SetLossWeights)."""
        for layer in self.net.layers:
            for ref, weight in zip(layer.definition.tops, layer.loss_weights):
                if weight and blob_key(ref) in keys:
                    self.blob(ref).diff[...] = weight

    @property
    def needs(self):
        """What a backward pass computes: a `Need` for each layer."""
        return self._graph.needs

    @property
    def _graph(self):
        base = self.net.base or self.net
        if "graph" not in base.kept:
            wanted = needs(self.net.layers, self.definition.message.force_backward)
            outside = {i for i, layer in enumerate(self.net.layers) if layer.call is None} | set(self._hosts)
            base.kept["graph"] = Graph(base, wanted, outside)
        return base.kept["graph"]

    # ---- parameters ----

    def flush(self):
        """Brings what the user wrote into parameters' arrays to the variables."""
        for blob in self._parameter_blobs.values():
            blob._data.flush()

    def changed(self, carried_only=False):
        """Takes note that variables have new values: all, or those only that layers carry from batch to batch."""
        for key, blob in self._parameter_blobs.items():
            if self._own[key].spec.carried or not carried_only:
                blob._data.changed()

    def learnable(self):
        """Returns [(Parameter, Blob)] in Caffe's order of learnable parameters."""
        return [(p, self._parameter_blobs[p.key]) for p in self.net.learnable()]

    def adopt(self, pairs):
        """Shares values with other nets: `pairs` are (own Blob, other's Blob) of equal shapes; gradients stay apart."""
        keys = {id(blob): key for key, blob in self._parameter_blobs.items()}
        for own, other in pairs:
            if id(own) not in keys:
                continue  # follows its owner
            if isinstance(other._data, ReshapedMemory):
                raise NetError(f"{keys[id(own)]} cannot share what the other net shares in another shape", got=other)
            self._own.replace(keys[id(own)], other._data.variable)
            own._data = other._data
        for layer, blobs in zip(self.net.layers, self.parameters):
            for p, blob in zip(layer.parameters, blobs):
                if isinstance(blob._data, ReshapedMemory):
                    blob._data = ReshapedMemory(self._parameter_blobs[p.key]._data, blob.shape)
        kept = {layer.definition.tops[0]: layer.tops for layer in self.net.layers if layer.call is None}
        self._nets.clear()
        self._build(kept, self.net.sized and self.net.sized - 1)

    @staticmethod
    def key(ref):
        """Returns the key in `blobs` of the value `ref`."""
        return blob_key(ref)
