"""Each layer of a net alone: forward, and what its backward adds."""

import statistics
from dataclasses import dataclass

import tensorflow as tf

from zoo.converters.backward_needs import needs
from zoo.converters.execution import steps
from zoo.netdef.shape_inference import infer_shapes
from zoo.netdef.splits import insert_splits
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
    values, needed, found = dict(zip(net.inputs, batch)), _needs(net), {}
    last = {ref: i for i, layer in enumerate(net.layers) for ref in layer.definition.bottoms}
    owners = {parameter.key: parameter for parameter in net.learnable()}

    def timed(layer, bottoms, anchor=None):
        need, bottoms = needed[layer.definition.key], bottoms or [anchor]
        forward = tf.function(layer.call, autograph=False)
        learned = [owners[p.key].variable.value for p, wanted in zip(layer.parameters, need.parameters) if wanted]
        down = [i for i, wanted in enumerate(need.bottoms) if wanted]
        functions = [lambda: forward(*bottoms)]
        if need.layer and (learned or down):
            both = tf.function(_both(layer.call, learned, down), autograph=False)
            functions.append(lambda: both(*bottoms))
        tops = forward(*bottoms)
        found[layer.definition.key] = rounds(functions, iterations)
        return tops

    for index, (layer, _) in enumerate(steps(net.layers, values, timed)):
        if layer.call is None:
            continue
        d, seconds = layer.definition, found.pop(layer.definition.key)
        backward = max(0.0, statistics.median(b - f for f, b in zip(*seconds))) if len(seconds) == 2 else None
        work = int(layer.type.flops(layer.bottoms, layer.tops))
        yield LayerTime(d.name, d.type, layer.tops, statistics.median(seconds[0]), backward, work)
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


def _needs(net):
    """Returns {layer key: Need}: gradients start from the losses or, without losses, from every output."""
    definition = insert_splits(net.definition)
    shapes = {layer.definition.tops[0]: layer.tops for layer in net.layers if layer.call is None}
    planned = infer_shapes(definition, shapes)
    roots = () if net.losses else [top.name for top in net.definition.outputs]
    return {layer.definition.key: need for layer, need in zip(planned, needs(planned, roots=roots))}
