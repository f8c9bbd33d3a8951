"""debug_info: the mean size of every value and gradient at display iterations, in Caffe's words (net.cpp:587-722).

The net is built a second time, over the same parameters, with the Splits that Caffe puts in, so that layers, blobs and
their gradients are Caffe's one by one. Caffe 1.0 has words for updates, too ([Update]), but never says them.
"""

import numpy as np
import tensorflow as tf

from zoo.converters.backward_needs import needs
from zoo.converters.build import build
from zoo.converters.execution import run_layer, steps
from zoo.netdef.splits import insert_splits
from zoo.training.caffe_log import debug_blob, debug_norms, parameter_name
from zoo.training.gathering import COLUMNS, added, gathered


class DebugNet:
    """A net whose passes are said in the log.

    Args:
        net: the `Net` to follow: its parameters are used, and what it carries from batch to batch is carried on.
    """

    def __init__(self, net):
        definition = insert_splits(net.definition)
        shapes = {layer.definition.tops[0]: layer.tops for layer in net.layers if layer.call is None}
        self._of, self.net = net, build(definition, shapes, net.parameters)
        self._needs = needs(self.net.layers, definition.message.force_backward)
        self._learnable = self.net.learnable()
        self._forward = tf.function(self._run_forward, autograph=False)
        self._backward = tf.function(self._run_backward, autograph=False)
        self.said = {}

    def forward(self, batch):
        """Runs a batch forward and says the layers' data; returns ({BlobRef: tensor} of all values, loss)."""
        self._copy(self._of, self.net)
        values, loss, sizes = self._forward(batch)
        self._say_forward(iter(sizes.numpy().tolist()))
        self._copy(self.net, self._of)
        return dict(zip(self._refs(), values)), loss

    def backward(self, batch, diffs):
        """Runs a batch forward and backward and says all of it; advances the net's clock.

        Args:
            batch: the inputs' tensors, in order.
            diffs: the learnable parameters' gradients so far, in order; the batch's are added.

        Returns:
            ({BlobRef: tensor} of all values, loss, the new `diffs`).
        """
        self._copy(self._of, self.net)
        values, loss, data_sizes, diff_sizes, norms, diffs = self._backward(batch, diffs)
        self._say_forward(iter(data_sizes.numpy().tolist()))
        self._say_backward(iter(diff_sizes.numpy().tolist()))
        debug_norms(norms.numpy())
        self._copy(self.net, self._of)
        self._of.clock.assign_add(1)
        return dict(zip(self._refs(), values)), loss, diffs

    def zeros(self):
        """Returns gradients to begin from."""
        return [tf.zeros(p.variable.shape) for p in self._learnable]

    @property
    def learnable(self):
        """The learnable `Parameter`s in the order of the gradients."""
        return self._learnable

    def _copy(self, source, target):
        for variable, other in zip(target.state.values(), source.state.values()):
            variable.assign(other)
        if target.clock is not None:
            target.clock.assign(source.clock)

    def _refs(self):
        return [top for layer in self.net.layers for top in layer.definition.tops]

    # ---- in the graph ----

    def _values(self, batch, tapes=None):
        values, losses = dict(zip(self.net.inputs, batch)), []
        run = run_layer if tapes is None else self._taped(tapes)
        for layer, tops in steps(self.net.layers, values, run):
            losses += [weight * tf.reduce_sum(top) for weight, top in zip(layer.loss_weights, tops) if weight]
        return values, tf.add_n(losses or [tf.constant(0.0)])

    def _taped(self, tapes):
        """Returns a `run_layer` that leaves a tape in `tapes`, by the layer's id, where the layer runs backward."""
        backward = {id(layer) for layer, need in zip(self.net.layers, self._needs) if need.layer}

        def run(layer, bottoms, anchor=None):
            if id(layer) not in backward:
                return run_layer(layer, bottoms, anchor)
            tapes[id(layer)] = tape = tf.GradientTape(watch_accessed_variables=False)
            with tape:
                tape.watch([*bottoms, *(p.variable.value for p in layer.parameters)])
                return run_layer(layer, bottoms, anchor)

        return run

    def _data_sizes(self, values):
        sizes = []
        for layer in self.net.layers:
            sizes += [_size(values[top]) for top in layer.definition.tops]
            sizes += [_size(p.variable.value) for p in layer.parameters]
        return tf.stack(sizes)

    def _run_forward(self, batch):
        values, loss = self._values(batch)
        return [values[ref] for ref in self._refs()], loss, self._data_sizes(values)

    def _run_backward(self, batch, diffs):
        tapes = {}
        values, loss = self._values(batch, tapes)
        of_parameter = dict(zip((p.key for p in self._learnable), diffs))
        of_value = {}
        for layer in self.net.layers:
            for top, weight in zip(layer.definition.tops, layer.loss_weights):
                of_value[top] = tf.fill(tf.shape(values[top]), tf.cast(weight, values[top].dtype))
        sizes = []
        for layer, need in reversed(list(zip(self.net.layers, self._needs))):
            if need.layer:
                sizes += self._layer_backward(layer, need, tapes[id(layer)], values, of_value, of_parameter)
        diffs, learned = list(of_parameter.values()), [p.variable.value for p in self._learnable]
        norms = [sum(map(_l1, part)) for part in (learned, diffs)]
        norms += [tf.sqrt(sum(map(_square, part))) for part in (learned, diffs)]
        data = self._data_sizes(values)
        return [values[ref] for ref in self._refs()], loss, data, tf.stack(sizes or [0.0]), tf.stack(norms), diffs

    def _layer_backward(self, layer, need, tape, values, of_value, of_parameter):
        """Adds one layer's gradients to those of values and parameters; returns their sizes as they are then."""
        bottoms = [bottom for bottom, needed in zip(layer.definition.bottoms, need.bottoms) if needed]
        learned = [p for p, needed in zip(layer.parameters, need.parameters) if needed]
        tops = layer.definition.tops
        found = tape.gradient(
            [values[top] for top in tops],
            [values[bottom] for bottom in bottoms] + [p.variable.value for p in learned],
            output_gradients=[of_value[top] for top in tops],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        found = [tf.convert_to_tensor(gradient) for gradient in found]
        of_value.update(zip(bottoms, found))  # every value has one reader
        for p, gradient in zip(learned, found[len(bottoms) :]):
            of_parameter[p.key] += gradient  # of a shared one, those of the layers behind are in it already
        return [_size(of_value[b]) for b in bottoms] + [_size(of_parameter[p.key]) for p in learned]

    # ---- in the log ----

    def _say_forward(self, sizes):
        for layer in self.net.layers:
            definition = layer.definition
            for top in definition.tops:
                self._say("Forward", definition, "top", top.name, "data", next(sizes))
            for index in range(len(layer.parameters)):
                self._say("Forward", definition, "param", parameter_name(definition, index), "data", next(sizes))

    def _say_backward(self, sizes):
        for layer, need in reversed(list(zip(self.net.layers, self._needs))):
            if need.layer:
                names = [bottom.name for bottom, needed in zip(layer.definition.bottoms, need.bottoms) if needed]
                for name in names:
                    self._say("Backward", layer.definition, "bottom", name, "diff", next(sizes))
                for index in (index for index, needed in enumerate(need.parameters) if needed):
                    self._say("Backward", layer.definition, "param", index, "diff", next(sizes))

    def _say(self, way, definition, kind, name, what, size):
        debug_blob(way, definition.name, kind, name, what, size)
        self.said[f"debug/{what}/{definition.key}/{name}"] = size


def _size(tensor):
    return tf.math.divide_no_nan(_l1(tensor), tf.cast(tf.size(tensor), tf.float32))


def _l1(tensor):
    return tf.reduce_sum(tf.abs(tf.cast(tensor, tf.float32)))


def _square(tensor):
    return tf.reduce_sum(tf.square(tf.cast(tensor, tf.float32)))


class DebugStep:
    """Iterations like `TrainStep`'s, one at a time, and said.

    Args:
        session: the `Session`.
        step: its `TrainStep`, whose outputs and variables it has.
    """

    def __init__(self, session, step):
        self._session, self._step, self._net = session, step, DebugNet(session.nets.train)
        self._apply = tf.function(self._update, autograph=False)

    @property
    def said(self):
        """{tag: mean size} of the last iteration, for TensorBoard."""
        return self._net.said

    def __call__(self, iterator, count=1):
        """Runs one iteration; returns as `TrainStep` does."""
        session, step = self._session, self._step
        diffs, losses = self._net.zeros(), []
        for _ in range(session.solver.iter_size):
            values, loss, diffs = self._net.backward(next(iterator), diffs)
            losses.append(loss)
        self._apply(diffs)
        of = dict(zip((p.key for p in self._net.learnable), diffs))
        keys = {p.variable.path: p.key for p in session.nets.train.learnable()}
        gradients = tuple(of[keys[v.path]] for v in step.variables) if step.gradients else ()
        return tf.add_n(losses)[None] / session.solver.iter_size, tuple(values[ref] for ref in step.outputs), gradients

    def _update(self, diffs):
        of = dict(zip((p.variable.path for p in self._net.learnable), diffs))
        still = self._session.nets.still_variables()
        variables = [*self._step.variables, *still]
        self._session.nets.optimizer.apply([of[v.path] for v in variables], variables)


class DebugTest:
    """Batches of a test net like `TestStep`'s, one at a time, and said; Caffe says each of them.

    Args:
        net: a TEST `Net`.
    """

    def __init__(self, net):
        self._outputs, self._net, self._gathered = net.outputs(), DebugNet(net), gathered(net)

    def __call__(self, iterator, count, before=None):
        """Returns (loss, {BlobRef: array}) summed over `count` batches of `iterator`; as `TestStep`."""
        total, sums = before or (np.float32(0), {})
        for _ in range(count):
            values, loss = self._net.forward(next(iterator))
            total += np.float32(loss)
            more = {ref: values[ref].numpy() for ref in self._outputs}
            more |= {ref: more[ref].reshape(-1, COLUMNS) for ref in self._gathered}
            sums = added(self._net.net, sums, more) if sums else more
        return total, sums
