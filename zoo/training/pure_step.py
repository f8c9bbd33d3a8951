"""The training step as a pure function: state and batches in, state and losses out, no variable read or changed."""

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from zoo.converters import weights as net_weights
from zoo.converters.build import build
from zoo.converters.solver import held, optimizer
from zoo.errors import NetError, SolverError, UnsupportedError, ZooError, raise_together
from zoo.input.pipeline import data_layer
from zoo.layers import lookup
from zoo.layers.base.geometry import keras_shape
from zoo.netdef.config import open_net
from zoo.training.precision import needs_loss_scale
from zoo.training.step import objective


@dataclass(frozen=True)
class Kept:
    """One thing that a step takes and gives back.

    Attributes:
        name: "parameters/LAYER/INDEX", "history/SLOT/LAYER/INDEX" (Caffe's history times the optimizer's
            `history_sign`), "state/LAYER/NAME" of what a layer carries from batch to batch, "iteration" or "clock".
        variable: holds what it is before the first step.
        parameter: the `Parameter` that it is of, in whose Keras shape it lies; None for the others.
    """

    name: str
    variable: keras.Variable
    parameter: Any = None


def open_step(solver, shapes=None, *, data_dir=None, state=None, weights=(), seed=1):
    """Returns the `PureStep` of a `SolverDef`, its net built under the present dtype policy.

    Args:
        solver: the `SolverDef`.
        shapes: {blob: Caffe shape} of what data layers give, so that their data need not be there. Of a layer whose
            first top alone is named, the others are one number an item, as labels are.
        data_dir, state: as `Session` takes them.
        weights: paths of weights files, loaded in turn by layer name; the solver's own where none are given.
        seed: what the solver's random_seed is where that is not set.

    Raises:
        ZooError: what is wrong with the solver, its net, the weights, or the data that nothing says the shapes of.
    """
    definition = open_net(solver.train, data_dir, solver.file, state)
    seed = solver.random_seed if solver.random_seed is not None else seed
    net = build(definition, _data_shapes(definition, dict(shapes or {}), data_dir), seed=seed)
    if not net.losses:
        raise SolverError("the training net has no loss", at=solver.train.at, want="a layer such as SoftmaxWithLoss")
    for path in weights or solver.weights:
        net_weights.load(net, path)
    if solver.schedule.kept is not None:
        hint = "multistep, with the iterations at which the rate fell"
        raise UnsupportedError(f'a step without variables has no lr_policy "{solver.lr_policy}"', hint=hint)
    return PureStep(net, optimizer(solver, net.learnable()), solver.iter_size, held(solver, net.learnable())[1])


def _data_shapes(definition, given, data_dir):
    """Returns {first top of a layer: Caffe shapes of its tops} of data layers; refuses shapes of none of them."""
    found, errors = {}, []
    for layer in definition.layers:
        if layer.bottoms or not layer.tops or layer.type == "Input" or not lookup(layer).is_source:
            continue
        shapes = [given.pop(top.name, None) for top in layer.tops]
        if shapes[0]:
            found[layer.tops[0]] = tuple(shape or (shapes[0][0],) for shape in shapes)
            continue
        try:
            feed = data_layer(layer, definition.phase, data_dir=data_dir)
        except ZooError as error:
            name = layer.tops[0].name
            hint = f"or say its shape, Caffe's order: --input_shape='{name}: N,C,H,W'"
            errors.append(type(error)(error.what, at=error.at, got=error.got, want=error.want, hint=hint))
        else:
            if feed is not None:
                found[layer.tops[0]] = feed.shapes
    errors += [NetError("an input shape is of no data layer's top", got=repr(name)) for name in given]
    raise_together(errors)
    return found


class PureStep:
    """One iteration of a solver: forward, backward, update; what is random follows from the clock, which is state.

    Args:
        net: the TRAIN `Net`.
        optimizer: a `zoo.solvers` optimizer, built over its trained parameters and then those of `still`.
        iter_size: batches whose gradients make one update.
        still: more `Parameter`s that the optimizer has, whose gradient is 0.

    Attributes:
        kept: the state, a tuple of `Kept`: parameters, history, layers' own, iteration, clock.
        inputs: the `BlobRef`s that are fed.
        outputs: the `BlobRef`s of the net's outputs.

    Raises:
        UnsupportedError: the present policy scales its loss (mixed_float16), or a layer writes a file (HDF5Output).
    """

    def __init__(self, net, optimizer, iter_size=1, still=()):
        if needs_loss_scale():
            raise UnsupportedError("a step without variables has no loss scale", want="float32 or mixed_bfloat16")
        if net.sinks:
            raise UnsupportedError("a step without variables writes no files", at=net.sinks[0].definition.at())
        self.net, self.optimizer, self.iter_size = net, optimizer, iter_size
        self.inputs, self.outputs = net.inputs, net.outputs()
        self._model = net.model()
        learnable = net.learnable()
        self._learned = [p for p in learnable if p.variable.trainable]
        self._still = list(still)
        self.kept = (
            *(Kept(f"parameters/{p.key.layer}/{p.key.index}", p.variable, p) for p in learnable),
            *self._history(),
            *(Kept(f"state/{name}", variable) for name, variable in net.state.items()),
            Kept("iteration", optimizer.iterations),
            Kept("clock", net.clock),
        )

    def _history(self):
        """Yields a `Kept` for each array of the optimizer's state, in the order of its variables."""
        owners = [*self._learned, *self._still]
        arrays = [v for v in self.optimizer.variables if v is not self.optimizer.iterations]
        for number, variable in enumerate(arrays):
            slot, owner = divmod(number, len(owners))
            key = owners[owner].key
            name = f"history/{self.optimizer.slots[slot]}/{key.layer}/{key.index}"
            yield Kept(name, variable, owners[owner])

    def input_shapes(self):
        """Returns the shape of each input: as the net has it, after an axis of the batches where there are several."""
        several = (self.iter_size,) if self.iter_size > 1 else ()
        return [(*several, *keras_shape(self.net.shapes[ref])) for ref in self.inputs]

    def __call__(self, state, batch):
        """Makes one iteration.

        Args:
            state: a tensor for each of `kept`.
            batch: a tensor for each of `inputs`, of `input_shapes`.

        Returns:
            (state, loss, outputs): the state after it, the mean loss of the batches as float32, and a tensor for each
            of `outputs`, of the last batch.
        """
        values = dict(zip((id(k.variable) for k in self.kept), state, strict=True))
        loss = gradients = outputs = None
        for index in range(self.iter_size):
            part = [x[index] for x in batch] if self.iter_size > 1 else list(batch)
            more, outputs, added = self._backward(values, part)
            loss = more if loss is None else loss + more
            gradients = added if gradients is None else [a + b for a, b in zip(gradients, added)]
        self._update(values, gradients)
        return [values[id(k.variable)] for k in self.kept], loss / self.iter_size, outputs

    def _backward(self, values, batch):
        """Returns (loss, outputs, gradients) of one batch; `values` then has what the layers moved."""
        trained = [values[id(p.variable)] for p in self._learned]
        with tf.GradientTape() as tape:
            tape.watch(trained)
            mapping = [(k.variable, values[id(k.variable)]) for k in self.kept]
            with keras.StatelessScope(state_mapping=mapping) as scope:
                given = dict(zip(self.outputs, keras.tree.flatten(self._model(batch, training=True))))
                loss = objective(self.net.losses, given)
                self.net.clock.assign_add(1)
        gradients = tape.gradient(loss, trained, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        for k in self.kept:
            values[id(k.variable)] = tf.convert_to_tensor(scope.get_current_value(k.variable))
        outputs = [tf.cast(given[ref], tf.float32) for ref in self.outputs]
        return loss, outputs, [tf.convert_to_tensor(g) for g in gradients]

    def _update(self, values, gradients):
        """Brings the update by the summed `gradients` into `values`."""
        moved = [p.variable for p in (*self._learned, *self._still)]
        zeros = [tf.zeros(p.variable.shape, p.variable.dtype) for p in self._still]
        arrays = self.optimizer.variables
        after = self.optimizer.stateless_apply(
            [values[id(v)] for v in arrays], [*gradients, *zeros], [values[id(v)] for v in moved]
        )
        for variables, tensors in zip((moved, arrays), after):
            values.update((id(v), tensor) for v, tensor in zip(variables, tensors))
