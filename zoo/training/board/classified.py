"""Where a net compares scores of classes with labels: what is watched of a test. No TensorFlow."""

import math
from typing import NamedTuple

from zoo.netdef.netdef import BlobRef

MAX_CLASSES = 2000  # a confusion matrix of more is 16 MB and is not kept


class Classified(NamedTuple):
    """Scores of classes and the labels that they are compared with.

    Attributes:
        scores: the value with a score for each class.
        axis: Caffe's axis of the classes.
        labels: the value with the labels.
        classes: how many there are.
        ignored: labels that do not count.
        image: the input whose items are images, one for each label, or None.
    """

    scores: BlobRef
    axis: int
    labels: BlobRef
    classes: int
    ignored: tuple
    image: BlobRef | None


def classified(net):
    """Returns the `Classified` of a built net's first score of classes, or else its first loss; None without one."""
    found = [_of(net, layer) for layer in sorted(net.layers, key=lambda layer: not _is_score(layer))]
    return next(filter(None, found), None)


def first_image(net, items=None):
    """Returns the first input of a net that holds images, gray or colour, of `items` items; None without one."""
    for ref in net.inputs:
        shape = net.shapes[ref]
        if len(shape) == 4 and shape[1] in (1, 3) and min(shape[2:]) > 1 and items in (None, shape[0]):
            return ref
    return None


def _is_score(layer):
    return bool(layer.type.scored_bottoms) and not any(layer.loss_weights)


def _of(net, layer):
    lookup = layer.type.lookups(layer.bottoms).get(1)
    if not layer.type.scored_bottoms or lookup is None:
        return None
    (classes, ignored), (scores, labels, *_) = lookup, layer.bottoms
    axis = next((k for k in range(1, len(scores)) if scores[k] == classes), None)
    if axis is None or not 1 < classes <= MAX_CLASSES or math.prod(labels) * classes != math.prod(scores):
        return None
    ignored = () if ignored is None else tuple(ignored) if isinstance(ignored, list | tuple) else (ignored,)
    refs = layer.definition.bottoms
    image = first_image(net, scores[0]) if math.prod(labels) == scores[0] else None
    return Classified(refs[0], axis, refs[1], classes, ignored, image)
