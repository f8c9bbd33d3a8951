"""Log lines in Caffe's own words and number form, so that parsers written for Caffe's logs read ours.

Forms: solver.cpp:45-418 and sgd_solver.cpp:104-113 at BVLC/caffe 9b8915401; absl puts glog's prefix before them.
"""

import numpy as np
from absl import logging

from zoo.layers.ops.layout import to_caffe


def number(value):
    """Returns `value` as a C++ stream prints a float: six significant digits."""
    return f"{float(value):.6g}"


def solving(name, policy):
    """Says that training begins."""
    logging.info("Solving %s", name)
    logging.info("Learning Rate Policy: %s", policy)


def displayed(iteration, per_second, seconds, display, loss):
    """Says the loss at a display iteration, with the rate since the last."""
    logging.info(
        "Iteration %d (%s iter/s, %ss/%d iters), loss = %s",
        iteration,
        number(per_second),
        number(seconds),
        display,
        number(loss),
    )


def learning_rate(iteration, rate):
    """Says the learning rate at a display iteration."""
    logging.info("Iteration %d, lr = %s", iteration, number(rate))


def outputs(phase, net, values, scale=1.0):
    """Says every element of a net's outputs; returns them as {"name" or "name/k": value}.

    Args:
        phase: "Train" or "Test".
        net: the `Net` whose outputs they are.
        values: {BlobRef: array}, channels-last where rank 4.
        scale: what each is multiplied by, such as 1 / batches.
    """
    weights, index = dict(net.losses), 0
    for ref, name in zip(net.definition.outputs, net.definition.output_names):
        for value in _elements(values[ref], scale):
            weight = weights.get(ref)
            note = f" (* {number(weight)} = {number(weight * value)} loss)" if weight else ""
            logging.info("    %s net output #%d: %s = %s%s", phase, index, name, number(value), note)
            index += 1
    return elements(net, values, scale)


def debug_blob(direction, layer, kind, blob, what, size):
    """Logs one line of debug_info (net.cpp:587-722).

    Args:
        direction: "Forward" or "Backward".
        layer: the layer's name.
        kind, blob: "top", "bottom" or "param", and its name.
        what: "data" or "diff".
        size: mean of the absolute values.
    """
    logging.info("    [%s] Layer %s, %s blob %s %s: %s", direction, layer, kind, blob, what, number(size))


def debug_norms(norms):
    """Logs debug_info's line after a backward pass: L1 norms of all parameters and gradients, then their L2 norms."""
    texts = [number(norm) for norm in norms]
    logging.error("    [Backward] All net params (data, diff): L1 norm = (%s, %s); L2 norm = (%s, %s)", *texts)


def parameter_name(layer, index):
    """Returns what debug_info calls parameter number `index` of a `LayerDef` in a forward pass."""
    params = layer.message.param
    return params[index].name if index < len(params) and params[index].name else index


def elements(net, values, scale=1.0):
    """Returns every element of a net's outputs as {"name" or "name/k": value}; the arguments are those of `outputs`."""
    found = {}
    for ref, name in zip(net.definition.outputs, net.definition.output_names):
        row = _elements(values[ref], scale)
        found |= {name if len(row) == 1 else f"{name}/{k}": float(value) for k, value in enumerate(row)}
    return found


def _elements(value, scale):
    return np.ravel(to_caffe(np.asarray(value))) * np.float32(scale)
