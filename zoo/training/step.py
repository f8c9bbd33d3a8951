"""The inner loop, inside the graph: iterations of a training net and batches of a test net, many to a call."""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf

from zoo.converters.execution import run_layer
from zoo.layers.base.geometry import keras_shape
from zoo.layers.ops.in_turn import InTurn
from zoo.layers.ops.layout import to_caffe
from zoo.training.gathering import COLUMNS, gathered
from zoo.training.own_function import own_function


def objective(losses, values):
    """Returns what a net minimises, in float32: weight * every element, of each (top, weight) of `losses`."""
    return tf.add_n([weight * tf.reduce_sum(tf.cast(values[top], tf.float32)) for top, weight in losses])


class ForwardPass:
    """A net's Keras model, and its layers that only act outside of it, such as HDF5Output.

    Args:
        net: a `Net`.
        outputs: the values to give.
        scoped: whether operations say their layer, for a profile; see `Net.model`.
    """

    def __init__(self, net, outputs, scoped=False):
        self._sinks, self._results = net.sinks, results(net)
        read = [bottom for layer in self._sinks for bottom in layer.definition.bottoms]
        self._given = tuple(dict.fromkeys([*outputs, *read, *(top for top, _, _ in self._results)]))
        self._model = net.model(self._given, scoped=scoped)

    def __call__(self, batch, training):
        """Runs the net on a tensor for each input, in order; returns {BlobRef: tensor} of at least `outputs`."""
        values = dict(zip(self._given, keras.tree.flatten(self._model(list(batch), training=training))))
        for layer in self._sinks:
            run_layer(layer, [values[bottom] for bottom in layer.definition.bottoms])
        for top, add, in_turn in self._results:
            in_turn(add, [to_caffe(tf.cast(values[top], tf.float32))], [])
        return values


def results(net):
    """Returns [(top, function that takes its values, `InTurn`)] of the layers of a net whose tops are written to files.

    Raises:
        DataError: a file that one of them needs is not there.
    """
    found = []
    for layer in net.layers:
        writer = getattr(layer.type, "writer", None)
        made = writer() if writer else None
        if made:
            layer.type.raised, items = made.raised, layer.bottoms[0][0]
            found.append((layer.definition.tops[0], functools.partial(made.add, items=items), InTurn()))
    return found


@contextlib.contextmanager
def acting(net):
    """Around running a net: what keeps one of its layers from writing its file is raised as that DataError."""
    try:
        yield
    except tf.errors.OpError as error:
        raised = [e for layer in net.layers for e in getattr(layer.type, "raised", ()) if str(e) in error.message]
        if not raised:
            raise
        raise raised[0] from error


class TrainStep:
    """Iterations of a solver: forward, backward, update.

    Args:
        net: the TRAIN `Net`.
        optimizer: a `zoo.solvers` optimizer over `variables`, or a `LossScale` around one.
        iter_size: batches whose gradients make one update.
        gradients: whether each call also gives the last iteration's gradients (for histograms).
        still: variables that the optimizer has besides, whose gradient is 0.
        schedule: the optimizer's, which is told each loss; None where it does not follow it.
        scoped: as for `ForwardPass`.
    """

    def __init__(self, net, optimizer, iter_size=1, gradients=False, still=(), schedule=None, scoped=False):
        self.net, self.optimizer, self.iter_size, self.gradients = net, optimizer, iter_size, gradients
        self.pass_forward = ForwardPass(net, net.outputs(), scoped)
        self.outputs, self.shapes = net.outputs(), net.shapes
        self._still, self._schedule = list(still), schedule
        self.variables = [parameter.variable for parameter in net.learnable() if parameter.variable.trainable]
        self.graph_function = own_function(self._run)
        self.forward = own_function(lambda iterator: self._loss(next(iterator), training=True))

    def __call__(self, iterator, count):
        """Runs `count` iterations on batches of `iterator`.

        Returns:
            (losses, outputs, gradients): the loss of each iteration (count,), the net's outputs in the last forward
            pass, and the last summed gradients, or () without them.
        """
        return self.graph_function(iterator, tf.constant(count, tf.int32))

    def _loss(self, batch, training):
        values = self.pass_forward(batch, training)
        return objective(self.net.losses, values), tuple(tf.cast(values[top], tf.float32) for top in self.outputs)

    def _backward(self, batch):
        with tf.GradientTape() as tape:
            loss, outputs = self._loss(batch, training=True)
            scaled = self.optimizer.scale_loss(loss)
        # A parameter that no loss reaches has a zero gradient in Caffe, and decays all the same.
        zero = tf.UnconnectedGradients.ZERO
        gradients = tape.gradient(scaled, [v.value for v in self.variables], unconnected_gradients=zero)
        self.net.clock.assign_add(1)
        return loss, outputs, [tf.convert_to_tensor(g) for g in gradients]

    def _update(self, gradients):
        # Weights that a gradient still has to read would be copied to be updated. So all gradients come first.
        with tf.control_dependencies([tf.group(*gradients)]):
            gradients = [tf.identity(g) for g in gradients]
        zeros = [tf.zeros(v.shape, v.dtype) for v in self._still]
        self.optimizer.apply([*gradients, *zeros], [*self.variables, *self._still])

    def _shown(self, gradients):
        """Returns what a call says of the summed `gradients`."""
        if not self.gradients:
            return ()
        return tuple(self.optimizer.unscaled(gradients) if hasattr(self.optimizer, "unscaled") else gradients)

    def _iteration(self, iterator):
        loss, outputs, gradients = self._backward(next(iterator))
        for _ in tf.range(self.iter_size - 1) if self.iter_size > 1 else ():
            more, outputs, added = self._backward(next(iterator))
            loss += more
            gradients = [a + b for a, b in zip(gradients, added)]
        if self._schedule is not None:
            solver = getattr(self.optimizer, "inner_optimizer", self.optimizer)
            self._schedule.watch(loss / self.iter_size, solver.iterations)
        self._update(gradients)
        return loss / self.iter_size, outputs, self._shown(gradients)

    def _nothing(self):
        """Returns outputs and gradients as they are before the first iteration, for the loop's types."""
        outputs = tuple(tf.zeros(keras_shape(self.shapes[ref])) for ref in self.outputs)
        return outputs, self._shown([tf.zeros(v.shape) for v in self.variables])

    def _run(self, iterator, count):
        losses = tf.TensorArray(tf.float32, count)
        outputs, gradients = self._nothing()
        # Empty, since zeros would be as many bytes as the weights, written at each call.
        gradients = tuple(tf.zeros([0] * g.shape.rank) for g in gradients)
        open_shapes = tuple(tf.TensorShape([None] * g.shape.rank) for g in gradients)
        for i in tf.range(count):
            tf.autograph.experimental.set_loop_options(shape_invariants=[(gradients, open_shapes)])
            loss, outputs, gradients = self._iteration(iterator)
            losses = losses.write(i, loss)
        return losses.stack(), outputs, gradients


class TestStep:
    """Batches of a test net, averaged as Caffe does: the plain mean over batches of every output element.

    Args:
        net: a TEST `Net`.
        watch: what is told each batch inside the graph, as a `board.watch.Watch`, or None.
    """

    def __init__(self, net, watch=None):
        self.net, self.outputs, rows, self._watch = net, net.outputs(), gathered(net), watch
        self._summed = [ref for ref in self.outputs if ref not in rows]
        self._gathered = [ref for ref in self.outputs if ref in rows]
        self.pass_forward = ForwardPass(net, (*self.outputs, *(watch.refs if watch else ())))
        self.graph_function = own_function(self._run)

    def __call__(self, iterator, count, before=None):
        """Returns (loss, {BlobRef: array}) summed, not yet averaged, over `count` batches of `iterator`.

        Outputs that are gathered are (rows of all batches, 5).

        Args:
            iterator: of the net's batches.
            count: how many.
            before: what the call before returned, for the same test: its sums go on batch by batch, as Caffe's do, so
                that their rounding does not depend on how many batches a call takes.
        """
        loss, sums = before or (np.float32(0), {})
        zeros = {ref: np.zeros(keras_shape(self.net.shapes[ref]), np.float32) for ref in self._summed}
        start = [tf.constant(sums.get(ref, zeros[ref])) for ref in self._summed]
        loss, summed, rows = self.graph_function(iterator, tf.constant(count, tf.int32), tf.constant(loss), start)
        found = {ref: value.numpy() for ref, value in zip(self._summed, summed)}
        for ref, value in zip(self._gathered, rows):
            found[ref] = np.concatenate([sums[ref], value.numpy()]) if ref in sums else value.numpy()
        return loss.numpy(), found

    def _run(self, iterator, count, loss, sums):
        rows = tuple(tf.TensorArray(tf.float32, size=count) for _ in self._gathered)
        for i in tf.range(count):
            values = self.pass_forward(next(iterator), training=False)
            if self._watch is not None:
                self._watch(values)
            for top, weight in self.net.losses:
                loss += weight * tf.reduce_sum(tf.cast(values[top], tf.float32))
            sums = [a + tf.cast(values[ref], tf.float32) for a, ref in zip(sums, self._summed)]
            rows = tuple(a.write(i, tf.cast(values[ref], tf.float32)) for a, ref in zip(rows, self._gathered))
        return loss, sums, tuple(tf.reshape(a.stack(), (-1, COLUMNS)) for a in rows)
