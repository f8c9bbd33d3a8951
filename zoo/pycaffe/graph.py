"""The forward and backward passes of a range of layers as compiled functions.

The backward pass computes each layer again from its bottoms to have the derivative; what the derivative does not use,
TensorFlow prunes. What layers carry from batch to batch is set back for it and left as it was found.
"""

import tensorflow as tf

from zoo.converters.execution import run_layer, steps
from zoo.layers.base.geometry import keras_shape
from zoo.netdef.net import AUTOMATIC
from zoo.netdef.netdef import BlobRef

_KEPT = 16  # functions of one range of layers, for as many combinations of shapes


class Graph:
    """One built net, compiled range by range when it is first run.

    Args:
        net: a built `Net` in which every value has one reader.
        needs: a `Need` for each layer.
        hosted: the indices of layers that run outside (sources, Python layers).
    """

    def __init__(self, net, needs, hosted):
        self.net, self.needs, self.hosted = net, needs, hosted
        carried = [p.variable for layer in net.layers for p in layer.parameters if p.spec.carried]
        self._carried = [v.value for v in (*net.state.values(), *carried)]
        if net.clock is not None:
            self._carried.append(net.clock.value)
        self._forward, self._backward = {}, {}

    def forward(self, start, end, device):
        """Returns the `Forward` of layers start..end for a device such as "/CPU:0"."""
        key = (start, end, device)
        if key not in self._forward:
            self._forward[key] = Forward(self, start, end, device)
        return self._forward[key]

    def backward(self, start, end, device):
        """Returns the `Backward` of layers start..end, start <= end, run from the last to the first."""
        key = (start, end, device)
        if key not in self._backward:
            self._backward[key] = Backward(self, start, end, device)
        return self._backward[key]

    def carried(self):
        """Returns the present values of what layers carry from batch to batch, the clock included."""
        return [tf.convert_to_tensor(variable) for variable in self._carried]

    def set_carried(self, values):
        """Sets them."""
        for variable, value in zip(self._carried, values):
            variable.assign(value)

    def indices(self, start, end):
        """Returns the layers of a range that run in the graph."""
        return [i for i in range(start, end + 1) if i not in self.hosted]


class Compiled:
    """A function of tensors, compiled once for each combination of their shapes.

    Args:
        run: the function.
        patterns: a Keras shape for each tensor, with None where it is open; None where all sizes count.
    """

    def __init__(self, run, patterns=None):
        self._run, self._functions, self._patterns = run, {}, patterns

    def __call__(self, tensors):
        """Runs it."""
        return self.function(tensors)(*tensors)

    def function(self, tensors):
        """Returns the compiled function for such tensors."""
        key = tuple(tensor.shape for tensor in tensors) if self._patterns is None else None
        if key not in self._functions:
            shapes = [tensor.shape for tensor in tensors] if self._patterns is None else self._patterns
            signature = [tf.TensorSpec(shape, tensor.dtype) for shape, tensor in zip(shapes, tensors)]
            self._functions[key] = tf.function(self._run, autograph=False).get_concrete_function(*signature)
            if len(self._functions) > _KEPT:
                self._functions.pop(next(iter(self._functions)))
        return self._functions[key]


class Forward:
    """Layers start..end.

    Attributes:
        reads: {blob name: BlobRef} of the values that come from outside, by blob, as a blob holds one at a time.
        writes: the values made, in order; of several versions of a blob all of them.
        writes_state: whether running it changes what layers carry; known once it has run.
    """

    def __init__(self, graph, start, end, device):
        self._graph, self._device = graph, device
        self._layers = [graph.net.layers[i] for i in graph.indices(start, end)]
        self.reads, made = {}, set()
        for layer in self._layers:
            for bottom in layer.definition.bottoms:
                if bottom not in made:
                    self.reads[blob_key(bottom)] = bottom
            made.update(layer.definition.tops)
        self.writes = [top for layer in self._layers for top in layer.definition.tops]
        patterns = graph.net.patterns
        given = None if patterns is None else [keras_shape(patterns[ref]) for ref in self.reads.values()]
        self._compiled, self._writes_state = Compiled(self._run, given), None

    def __call__(self, values):
        """Runs on tensors in the order of `reads`; returns (loss or None, tensors in the order of `writes`)."""
        return self._compiled(values)

    def writes_state(self, values):
        """Returns whether running it on `values` changes what layers carry from batch to batch."""
        if self._writes_state is None:
            if not self._graph._carried:
                self._writes_state = False
            else:
                graph = self._compiled.function(values).graph.as_graph_def()
                nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
                self._writes_state = any(node.op.startswith("Assign") for node in nodes)
        return self._writes_state

    def _run(self, *values):
        with tf.device(self._device):
            known = dict(zip(self.reads.values(), values))
            losses = []
            for layer, tops in steps(self._layers, known):
                pairs = zip(layer.loss_weights, tops)
                losses += [weight * tf.reduce_sum(top) for weight, top in pairs if weight]
            return tf.add_n(losses) if losses else None, [known[top] for top in self.writes]


class Backward:
    """Layers end..start, in that direction.

    Attributes:
        values: the BlobRefs whose values it needs.
        diffs: keys of the blobs whose gradients it starts from.
        gives: keys of the blobs whose gradients it computes.
        parameters: the owning `Parameter`s whose gradients it computes.
        indices: the layers that take part.
    """

    def __init__(self, graph, start, end, device):
        self._graph, self._device = graph, device
        self.indices = [i for i in reversed(graph.indices(start, end)) if graph.needs[i].layer]
        self._layers = [(graph.net.layers[i], graph.needs[i]) for i in self.indices]
        values, diffs, gives, parameters = {}, {}, {}, {}
        for layer, need in self._layers:
            definition = layer.definition
            values.update(dict.fromkeys(definition.bottoms))
            diffs.update((blob_key(top), None) for top in definition.tops if blob_key(top) not in gives)
            gives.update((blob_key(b), None) for b, wanted in zip(definition.bottoms, need.bottoms) if wanted)
            parameters.update((p.key, graph.net.parameters[p.key]) for p in _learned(layer, need))
        self.values, self.diffs, self.gives = list(values), list(diffs), list(gives)
        self.parameters = list(parameters.values())
        self._compiled = Compiled(self._run)

    def __call__(self, values, diffs, carried=()):
        """Runs on tensors in the order of `values` and `diffs`.

        Args:
            carried: what the layers carried when they ran forward, where that has changed since or by it.

        Returns:
            (tensors in the order of `gives`, tensors in the order of `parameters`, in their variables' shapes).
        """
        return self._compiled([*values, *diffs, *carried])

    def _run(self, *tensors):
        values, diffs = tensors[: len(self.values)], tensors[len(self.values) :]
        diffs, carried = diffs[: len(self.diffs)], diffs[len(self.diffs) :]
        with tf.device(self._device):
            now = self._graph.carried() if carried else ()
            self._graph.set_carried(carried)
            known, diff, of_parameter = dict(zip(self.values, values)), dict(zip(self.diffs, diffs)), {}
            for layer, need in self._layers:
                self._layer(layer, need, known, diff, of_parameter)
            self._graph.set_carried(now)
            return [diff[key] for key in self.gives], [of_parameter[p.key] for p in self.parameters]

    def _layer(self, layer, need, known, diff, of_parameter):
        bottoms = [known[bottom] for bottom in layer.definition.bottoms]
        wanted = [x for x, needed in zip(bottoms, need.bottoms) if needed]
        keys = [blob_key(b) for b, needed in zip(layer.definition.bottoms, need.bottoms) if needed]
        learned = [self._graph.net.parameters[p.key] for p in _learned(layer, need)]
        sources = [*wanted, *(p.variable.value for p in learned)]
        if not sources:
            return
        tops = [diff[blob_key(top)] for top in layer.definition.tops]
        grads = [tf.zeros_like(x) for x in sources]  # of a layer without tops
        if tops:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(sources)
                outputs = run_layer(layer, bottoms)
            zero = tf.UnconnectedGradients.ZERO
            grads = tape.gradient(outputs, sources, output_gradients=tops, unconnected_gradients=zero)
        grads = [tf.convert_to_tensor(g) for g in grads]
        diff.update(zip(keys, grads))
        for p, grad in zip(learned, grads[len(wanted) :]):
            of_parameter[p.key] = of_parameter[p.key] + grad if p.key in of_parameter else grad


def _learned(layer, need):
    return [p for p, needed in zip(layer.parameters, need.parameters) if needed]


def blob_key(ref):
    """Returns which blob a value belongs to: all versions of a name are one blob, but for tops without a name."""
    return ref if ref.name == AUTOMATIC else BlobRef(ref.name)
