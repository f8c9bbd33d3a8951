"""Each layer of a net alone: forward, and what its backward adds."""

import statistics
from dataclasses import dataclass

import tensorflow as tf

from zoo.timing.clock import rounds


@dataclass(frozen=True)
class LayerTime:
    """What one layer costs by itself.

    Attributes:
        name, type: of the layer.
        tops: Caffe shapes.
        forward: median seconds of the rounds.
        backward: median seconds that gradients of bottoms and parameters add; None where no gradient passes.
        multiply_adds: of one forward pass, 0 where they are not counted.
    """

    name: str
    type: str
    tops: tuple
    forward: float
    backward: float | None
    multiply_adds: int


def layer_times(net, batch, iterations, after_layer=lambda: None):
    """Yields a `LayerTime` for each layer that computes, in the order of execution.

    A layer is traced alone and runs on what the layers before it gave for `batch`, so on the real shapes and values.
    Its backward is the time of forward and gradients in one call less that of the forward in the same round: the
    gradients of its parameters, and of those bottoms that depend on learned parameters, as Caffe propagates them.

    Args:
        net: a `Net`.
        batch: a tensor for each of `net.inputs`.
        iterations: how often each is timed.
        after_layer: called after each layer.
    """
    net.model()  # builds the Keras layers
    values, needed, wanted = dict(zip(net.inputs, batch)), _dependent(net), _reaching(net)
    last = {ref: i for i, layer in enumerate(net.layers) for ref in layer.definition.bottoms}
    owners = {parameter.key: parameter for parameter in net.learnable()}
    for index, layer in enumerate(net.layers):
        d = layer.definition
        if layer.call is None:
            continue
        bottoms = [values[ref] for ref in d.bottoms] or [batch[0]]
        forward = tf.function(layer.call, autograph=False)
        learned = [owners[p.key].variable.value for p in layer.parameters if owners[p.key].variable.trainable]
        down = [i for i, ref in enumerate(d.bottoms) if needed[ref]]
        functions = [lambda forward=forward, bottoms=bottoms: forward(*bottoms)]
        if (learned or down) and any(top in wanted for top in d.tops):
            both = tf.function(_both(layer.call, learned, down), autograph=False)
            functions.append(lambda both=both, bottoms=bottoms: both(*bottoms))
        values.update(zip(d.tops, forward(*bottoms)))
        found = rounds(functions, iterations)
        backward = max(0.0, statistics.median(b - f for f, b in zip(*found))) if len(found) == 2 else None
        work = int(layer.type.flops(layer.bottoms, layer.tops))
        yield LayerTime(d.name, d.type, layer.tops, statistics.median(found[0]), backward, work)
        for ref in [ref for ref in values if last.get(ref, index) <= index]:
            del values[ref]
        after_layer()


def _both(call, learned, down):
    def both(*bottoms):
        with tf.GradientTape() as tape:
            tape.watch([bottoms[i] for i in down])
            tops = call(*bottoms)
        # What comes from above: ones, for any values cost the same.
        sources = [*[bottoms[i] for i in down], *learned]
        return tops, tape.gradient(tops, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    return both


def _dependent(net):
    """Returns {value: whether it depends on a learned parameter}, and so is sent a gradient."""
    found = dict.fromkeys(net.inputs, False)
    for layer in net.layers:
        if layer.call is not None:
            learned = any(p.variable.trainable for p in layer.parameters)
            depends = learned or any(found[ref] for ref in layer.definition.bottoms)
            found.update(dict.fromkeys(layer.definition.tops, depends))
    return found


def _reaching(net):
    """Returns the values that a gradient comes from: those that lead to a loss or, without losses, to any output."""
    found = {ref for ref, _ in net.losses} or set(net.outputs())
    for layer in reversed(net.layers):
        if any(top in found for top in layer.definition.tops):
            found.update(layer.definition.bottoms)
    return found
