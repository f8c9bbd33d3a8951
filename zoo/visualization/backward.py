"""Derivatives of values inside a net for its input, with the three ways in which they come back through a ReLU.

A value f of the net (a class score, one activation) has the derivative df/dx for the input x. Behind a rectifier
y = max(x, 0), the gradient R that comes from above goes on as

    gradient       (x > 0) * R              the derivative itself: Simonyan, Vedaldi, Zisserman 2013, "Deep Inside
                                            Convolutional Networks", arXiv:1312.6034, section 3
    deconvolution  (R > 0) * R              Zeiler, Fergus 2013, "Visualizing and Understanding Convolutional Networks",
                                            arXiv:1311.2901, section 2.1: the ReLU is applied on the way back
    guided         (x > 0) * (R > 0) * R    Springenberg et al. 2015, "Striving for Simplicity", arXiv:1412.6806,
                                            section 3.4: both masks

All other layers are as in the derivative, which in the deconvolution is what Zeiler and Fergus describe: a convolution
goes back by its transposed filters, MAX pooling by its switches, the places of the maxima. Where pooling windows
overlap, what comes to one place is summed. Their nets had no LRN; here it goes back by its derivative. A rectifier with
a slope for negative values goes back by its own derivative where the formula says (x > 0).
"""

import tensorflow as tf

from zoo.converters.execution import run_layer, steps

GRADIENT, DECONVOLUTION, GUIDED = "gradient", "deconvolution", "guided"
RECTIFIERS = ("ReLU", "PReLU", "ReLU6")  # layer types


def runner(rule):
    """Returns what `execution.steps` runs a layer by, so that a tape around it finds the derivative of that rule."""
    return {GRADIENT: run_layer, GUIDED: _guided, DECONVOLUTION: _deconvolved}[rule]


def _guided(layer, bottoms, anchor=None):
    tops = run_layer(layer, bottoms, anchor)
    return tuple(map(_positive_gradient, tops)) if layer.definition.type in RECTIFIERS else tops


def _deconvolved(layer, bottoms, anchor=None):
    tops = run_layer(layer, bottoms, anchor)
    if layer.definition.type not in RECTIFIERS:
        return tops
    return (_past(bottoms[0], tf.stop_gradient(tops[0])),)


@tf.custom_gradient
def _positive_gradient(x):
    return tf.identity(x), tf.nn.relu


@tf.custom_gradient
def _past(x, y):
    """Returns y, whose gradient goes to x, where it is positive."""
    return tf.identity(y), lambda dy: (tf.nn.relu(dy), tf.zeros_like(y))


def needed(layers, refs):
    """Returns those of `layers`, in order, that the values `refs` come from."""
    wanted, found = set(refs), []
    for layer in reversed(layers):
        if not layer.is_sink and wanted.intersection(layer.definition.tops):
            found.append(layer)
            wanted.update(layer.definition.bottoms)
    return found[::-1]


def forward(layers, feeds, refs):
    """Returns [tensor of each of `refs`] by as many of `layers` as they need.

    Args:
        layers: `BuiltLayer`s of a net, in order.
        feeds: {BlobRef: tensor} of its inputs.
        refs: the values.
    """
    values = dict(feeds)
    for _ in steps(needed(layers, refs), values):
        pass
    return [values[ref] for ref in refs]


def derivative(layers, feeds, ref, seed, at, rule=GRADIENT):
    """Returns (value of `ref`, derivative of sum(value * seed) for the value `at`), tensors.

    Args:
        layers, feeds: as for `forward`.
        ref: the value that is derived.
        seed: from the tensor of `ref` to one of its shape, which counts as constant: the weight of each element.
        at: what it is derived for: an input or any value before `ref`; or a list of them, then a list is returned.
        rule: `GRADIENT`, `DECONVOLUTION` or `GUIDED`.
    """
    several = isinstance(at, list)
    watched, values = (at if several else [at]), dict(feeds)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([values[each] for each in watched if each in values])
        for layer, tops in steps(needed(layers, [ref]), values, runner(rule)):
            tape.watch([top for name, top in zip(layer.definition.tops, tops) if name in watched])
        top = values[ref]
    found = tape.gradient(
        top,
        [values[each] for each in watched],
        output_gradients=tf.stop_gradient(seed(top)),
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    return top, (found if several else found[0])
