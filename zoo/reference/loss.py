"""Losses and Accuracy. loss_weight is the net's business: every top here is the bare loss, a scalar."""

import math

import numpy as np

from zoo.formats import blobproto
from zoo.reference.layer import enum_name, integers
from zoo.reference.normalisation import softmax_of

FLT_MIN = float(np.finfo(np.float32).tiny)
LOG_THRESHOLD = 1e-20  # multinomial_logistic_loss_layer.hpp and infogain_loss_layer.hpp kLOG_THRESHOLD


def _rows(layer, scores, labels, axis):
    """Returns (scores as (items, classes), labels, which items count, outer and inner count around `axis`)."""
    axis = layer.axis(axis, scores)
    outer, inner = math.prod(scores.shape[:axis]), math.prod(scores.shape[axis + 1 :])
    labels = integers(labels)
    if len(labels) != outer * inner:
        raise layer.error("labels do not fit the predictions", got=len(labels), want=outer * inner)
    return np.moveaxis(scores, axis, -1).reshape(outer * inner, -1), labels, outer, inner


def _ignored(p, labels):
    return (labels == p.ignore_label) if p.HasField("ignore_label") else np.zeros(len(labels), bool)


def _normaliser(mode, outer, inner, counted, fixed=None):
    """What a loss is divided by, 1 at least (softmax_loss_layer.cpp:57-86); R-FCN's PRE_FIXED by `fixed`."""
    by = {"FULL": outer * inner, "VALID": counted, "BATCH_SIZE": outer, "NONE": 1, "PRE_FIXED": fixed}
    return max(1.0, by[mode])


def _mode(p, default):
    """`normalization`, or what the older `normalize` means, or the layer's default."""
    if p.HasField("normalization"):
        return enum_name(p, "normalization")
    if p.HasField("normalize"):
        return "VALID" if p.normalize else "BATCH_SIZE"
    return default


def softmax_loss(layer, x, label):
    """-log of the label's probability, averaged; second top: the probabilities (softmax_loss_layer.cpp:10-115).

    SegNet's weights multiply each label's loss, and its divisor may be 0; R-FCN's third top has the loss of each label.
    """
    p, axis = layer.message.loss_param, layer.message.softmax_param.axis
    probabilities = softmax_of(x, layer.axis(axis, x))
    rows, labels, outer, inner = _rows(layer, probabilities, label, axis)
    counts, segnet = ~_ignored(p, labels), "segnet" in layer.forks  # whose schema has normalize: true for default
    each, mode = np.zeros(len(labels)), _mode(p, "BATCH_SIZE" if p.weight_by_label_freqs and not segnet else "VALID")
    each[counts] = -np.log(np.maximum(rows[counts, labels[counts]], FLT_MIN))
    divisor = _normaliser(mode, outer, inner, counts.sum(), p.pre_fixed_normalizer)
    if p.weight_by_label_freqs:
        each[counts] *= np.array(p.class_weighting)[labels[counts]]
    if mode == "VALID" and (segnet or p.weight_by_label_freqs):
        divisor = counts.sum()
    return each.sum() / divisor, probabilities, each.reshape(label.shape)


def infogain_loss(layer, x, label, matrix=None):
    """Minus the sum of H[label, l] log p_l, averaged (infogain_loss_layer.cpp:11-165)."""
    p, axis = layer.message.loss_param, layer.message.infogain_loss_param.axis
    probabilities = softmax_of(x, layer.axis(axis, x))
    rows, labels, outer, inner = _rows(layer, probabilities, label, axis)
    if p.HasField("normalize"):
        raise layer.error("loss_param.normalize is not for this type", want="normalization")
    if matrix is None:
        matrix = blobproto.read(layer.message.infogain_loss_param.source).array.astype(np.float64)
    matrix = matrix.reshape(rows.shape[1], rows.shape[1])
    counts = ~_ignored(p, labels)
    loss = -(matrix[labels[counts]] * np.log(np.maximum(rows[counts], LOG_THRESHOLD))).sum()
    return loss / _normaliser(enum_name(p, "normalization"), outer, inner, counts.sum()), probabilities


def sigmoid_cross_entropy_loss(layer, x, target):
    """Of logits against targets in [0, 1] (sigmoid_cross_entropy_loss_layer.cpp:9-101)."""
    p = layer.message.loss_param
    logits, targets = x.ravel(), target.ravel()
    each = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    counts = ~_ignored(p, integers(target))
    inner = math.prod(x.shape[1:])
    return each[counts].sum() / _normaliser(_mode(p, "BATCH_SIZE"), len(x), inner, counts.sum())


def multinomial_logistic_loss(layer, x, label):
    """-log of the label's probability, averaged (multinomial_logistic_loss_layer.cpp:19-34)."""
    labels = integers(label)
    own = x.reshape(len(x), -1)[np.arange(len(x)), labels]
    return -np.log(np.maximum(own, LOG_THRESHOLD)).sum() / len(x)


def euclidean_loss(layer, a, b):
    """Sum of squared differences over twice the batch (euclidean_loss_layer.cpp:8-29)."""
    if a.size // len(a) != b.size // len(b):
        raise layer.error("bottoms of unequal sizes", got=f"{a.shape} and {b.shape}")
    return ((a.ravel() - b.ravel()) ** 2).sum() / (2 * len(a))


def hinge_loss(layer, x, label):
    """One against all: max(0, 1 - t x), t = 1 for the label's class, else -1 (hinge_loss_layer.cpp:9-40)."""
    rows = x.reshape(len(x), -1)
    sign = -np.ones_like(rows)
    sign[np.arange(len(x)), integers(label)] = 1
    short = np.maximum(0, 1 - sign * rows)
    squared = enum_name(layer.message.hinge_loss_param, "norm") == "L2"
    return (short**2 if squared else short).sum() / len(x)


def contrastive_loss(layer, a, b, similar):
    """Pairs drawn together, or apart up to the margin (contrastive_loss_layer.cpp:9-62)."""
    p = layer.message.contrastive_loss_param
    squares = ((a - b).reshape(len(a), -1) ** 2).sum(1)
    if p.legacy_version:
        apart = np.maximum(p.margin - squares, 0)
    else:
        apart = np.maximum(p.margin - np.sqrt(squares), 0) ** 2
    return np.where(integers(similar) != 0, squares, apart).sum() / (2 * len(a))


def accuracy(layer, x, label):
    """How often fewer than top_k other classes score as much (accuracy_layer.cpp:22-100); second top: by class."""
    p = layer.message.accuracy_param
    rows, labels, _, _ = _rows(layer, x, label, p.axis)
    counts = ~_ignored(p, labels)
    rows, labels = rows[counts], labels[counts]
    own = rows[np.arange(len(rows)), labels]
    hit = (rows >= own[:, None]).sum(1) - 1 < p.top_k  # its own class is among those counted
    classes = range(x.shape[layer.axis(p.axis, x)])
    by_class = [hit[labels == c].mean() if np.any(labels == c) else 0 for c in classes]
    return hit.mean() if len(hit) else 0.0, np.array(by_class)


LAYERS = {
    "Accuracy": accuracy,
    "ContrastiveLoss": contrastive_loss,
    "EuclideanLoss": euclidean_loss,
    "HingeLoss": hinge_loss,
    "InfogainLoss": infogain_loss,
    "MultinomialLogisticLoss": multinomial_logistic_loss,
    "SigmoidCrossEntropyLoss": sigmoid_cross_entropy_loss,
    "SoftmaxWithLoss": softmax_loss,
}
