"""A whole net as one graph: its forward, its forward with backward, and with a solver its update."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from zoo.timing.clock import rounds
from zoo.training.step import TrainStep, objective


@dataclass(frozen=True)
class WholeTime:
    """Seconds of each round, a list each.

    Attributes:
        forward: of the net's outputs.
        both: of the outputs and the gradients of all learned parameters.
        step: of a training iteration, the update too; None without an optimizer.
    """

    forward: list
    both: list
    step: list | None = None


def whole_times(net, batch, iterations, optimizer=None, after_round=lambda: None):
    """Returns the `WholeTime` of a net on a batch that lies in memory.

    Where the net has no loss, as one to deploy, the gradients are those of the sum of its outputs.

    Args:
        net: a `Net`.
        batch: a tensor for each of `net.inputs`.
        iterations: how often each is timed; they take turns.
        optimizer: over the net's learned parameters, or None. The step then moves them.
        after_round: called after each round.
    """
    model, outputs = net.model(), net.outputs()
    losses = net.losses or tuple((ref, 1.0) for ref in outputs)
    learned = [p.variable.value for p in net.learnable() if p.variable.trainable]

    def forward(*batch):
        return keras.tree.flatten(model(list(batch), training=net.clock is not None))

    def both(*batch):
        with tf.GradientTape() as tape:
            tops = forward(*batch)
            loss = objective(losses, dict(zip(outputs, tops)))
        return tops, tape.gradient(loss, learned, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    graphs = [tf.function(forward, autograph=False)]
    if learned:
        graphs.append(tf.function(both, autograph=False))
    calls = [lambda graph=graph: graph(*batch) for graph in graphs]
    if optimizer is not None and learned and net.losses:
        step, batches = TrainStep(net, optimizer), iter(tf.data.Dataset.from_tensors(tuple(batch)).repeat())
        calls.append(lambda: step(batches, 1))
    found = rounds(calls, iterations, after_round)
    return WholeTime(found[0], found[1] if learned else [*found[0]], found[2] if len(found) > 2 else None)
