"""Makes the copies explicit that Caffe makes where a value is read more than once (insert_splits.cpp:12-122).

With them every value has one reader, so that gradients at a fan-out add up in one layer, and blobs and layers have the
names that Caffe's have.
"""

import dataclasses
from collections import Counter

from zoo.formats import caffe_pb2
from zoo.netdef.net import AUTOMATIC
from zoo.netdef.netdef import BlobRef, LayerDef


def insert_splits(definition):
    """Returns `definition` (a NetDef) with a Split layer behind every top that is used more than once.

    A stated loss weight counts as a use, and moves to the first copy. Each layer keeps its place in the file.
    """
    uses = Counter(bottom for layer in definition.layers for bottom in layer.bottoms)
    weights = {
        top: weight
        for layer in definition.layers
        for top, weight in zip(layer.tops, layer.message.loss_weight)
        if weight and top.name != AUTOMATIC
    }
    uses.update(weights.keys())
    layers, copies = [], {}
    for layer in definition.layers:
        layer = _reading_copies(layer, copies)
        split = [(k, top) for k, top in enumerate(layer.tops) if uses[top] > 1]
        if any(top in weights for _, top in split):
            # As Caffe does: a top that is split gives up its layer's weights, all of them.
            message = _copy(layer.message)
            message.ClearField("loss_weight")
            layer = dataclasses.replace(layer, message=message)
        layers.append(layer)
        for index, top in split:
            weight = weights.get(top, 0)
            made = _split(layer, top, index, uses[top], weight)
            layers.append(made)
            copies[top] = list(made.tops[1:] if weight else made.tops)
    return _with_layers(definition, tuple(layers))


def _reading_copies(layer, copies):
    if not any(bottom in copies for bottom in layer.bottoms):
        return layer
    bottoms = tuple(copies[bottom].pop(0) if bottom in copies else bottom for bottom in layer.bottoms)
    message = _copy(layer.message)
    message.bottom[:] = [bottom.name for bottom in bottoms]
    return dataclasses.replace(layer, bottoms=bottoms, message=message)


def _split(layer, top, index, count, weight):
    name = f"{top.name}_{layer.name}_{index}_split"
    tops = tuple(BlobRef(f"{name}_{k}") for k in range(count))
    message = caffe_pb2.LayerParameter(name=name, type="Split", bottom=[top.name], top=[t.name for t in tops])
    if weight:
        message.loss_weight.extend([weight] + [0] * (count - 1))
    place = dataclasses.replace(layer.place, layer=name, type="Split")
    return LayerDef(name, "Split", (top,), tops, message, place, {}, layer.phase)


def _with_layers(definition, layers):
    read = {bottom for layer in layers for bottom in layer.bottoms}
    outputs = sorted(
        (top for layer in layers for top in layer.tops if top not in read and top.name != AUTOMATIC),
        key=lambda top: top.name.encode(),
    )
    message = _copy(definition.message)
    del message.layer[:]
    message.layer.extend(layer.message for layer in layers)
    return dataclasses.replace(
        definition,
        layers=layers,
        outputs=tuple(outputs),
        message=message,
        output_names=tuple(top.name for top in outputs),
    )


def _copy(message):
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
