"""The lines of Caffe's start: how each net is made, layer by layer, in Caffe's words and order (net.cpp:47-257).

Left out are the texts of solver and nets, which the config is, and the layers that a state leaves out.
"""

import math

from absl import logging

from zoo.converters.backward_needs import needs
from zoo.netdef.shape_inference import infer_shapes
from zoo.netdef.splits import insert_splits

FLOAT = 4  # bytes
_SIZED = ("Data", "ImageData")  # say the size of a batch
_THROUGH_FACTORY = ("SoftmaxWithLoss", "InfogainLoss")  # make a Softmax layer of their own name


def net_lines(definition, data_shapes):
    """Yields what Caffe says while it makes a net.

    Args:
        definition: the `NetDef`.
        data_shapes: {first top of a data layer: Caffe shapes of its tops}.
    """
    definition = insert_splits(definition)
    planned, memory = infer_shapes(definition, data_shapes), 0
    for layer in planned:
        name, message = layer.definition.name, layer.definition.message
        yield f"Creating layer {name}"
        yield f"Creating Layer {name}"
        for bottom in layer.definition.bottoms:
            yield f"{name} <- {bottom}"
        for index, top in enumerate(layer.definition.tops):
            in_place = index < len(message.bottom) and message.bottom[index] == top.name
            yield f"{name} -> {top}" + (" (in-place)" if in_place else "")
        if layer.definition.type in _SIZED:
            yield f"output data size: {','.join(map(str, layer.tops[0]))}"
        if layer.definition.type in _THROUGH_FACTORY:
            yield f"Creating layer {name}"
        yield f"Setting up {name}"
        for shape, weight in zip(layer.tops, layer.loss_weights, strict=True):
            yield f"Top shape: {''.join(f'{dim} ' for dim in shape)}({math.prod(shape)})"
            if weight:
                yield f"    with loss weight {weight:g}"
            memory += math.prod(shape) * FLOAT
        yield f"Memory required for data: {memory}"
    for layer, need in reversed(list(zip(planned, needs(planned), strict=True))):
        yield f"{layer.definition.name} {'needs' if need.layer else 'does not need'} backward computation."
    for name in definition.output_names:
        yield f"This network produces output {name}"
    yield "Network initialization done."


def say(solver, train, tests):
    """Says how the nets of a solver are made.

    Args:
        solver: the `SolverDef`.
        train, tests: the `Feeds` of the training net and of each test net.
    """
    inside = solver.train.file is None
    logging.info(
        "Creating training net %s %s", "specified in" if inside else "from", _said(solver.train) + "." * inside
    )
    _say(train)
    for index, (source, feeds) in enumerate(zip(solver.tests, tests, strict=True)):
        logging.info("Creating test net (#%d) specified by %s", index, _said(source))
        _say(feeds)
    logging.info("Solver scaffolding done.")


def _say(feeds):
    for line in net_lines(feeds.definition, feeds.shapes):
        logging.info("%s", line)


def _said(source):
    return source.field if source.file is None else f"{source.field} file: {source.file}"
