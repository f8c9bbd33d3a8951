"""Interp, SegAccuracy, Upsample of two forks, and SpatialDropout."""

import numpy as np

from zoo.errors import UnsupportedError
from zoo.reference.layer import integers


def interp(layer, x):
    """Bilinear with aligned corners after cropping (interp_layer.cpp:23-62, util/interp.cpp:13-80 at hszhao/PSPNet)."""
    p = layer.message.interp_param
    x = x[:, :, -p.pad_beg : x.shape[2] + p.pad_end, -p.pad_beg : x.shape[3] + p.pad_end]
    shrink, zoom = p.HasField("shrink_factor"), p.HasField("zoom_factor")
    outs = []
    for size, wanted in zip(x.shape[2:], (p.height, p.width)):
        if shrink == zoom and p.HasField("height") and p.HasField("width"):
            outs.append(wanted)
            continue
        out = (size - 1) // p.shrink_factor + 1 if shrink else size
        outs.append(out + (out - 1) * (p.zoom_factor - 1) if zoom else out)
    for axis, out in zip((2, 3), outs):
        x = _along(x, axis, out)
    return x


def _along(x, axis, out):
    """Each output between two inputs, in one loop over the outputs."""
    size = x.shape[axis]
    ratio = np.float32(size - 1) / np.float32(out - 1) if out > 1 else np.float32(0)
    lines = []
    for i in range(out):
        at = ratio * np.float32(i)
        low = int(at)
        part = float(at - np.float32(low))
        high = low + (low < size - 1)
        lines.append((1 - part) * x.take(low, axis) + part * x.take(high, axis))
    return np.stack(lines, axis)


def seg_accuracy(layer, x, label):
    """From the confusion matrix of one pass (seg_accuracy_layer.cpp:52-108, util/confusion_matrix.cpp)."""
    p, classes = layer.message.seg_accuracy_param, x.shape[1]
    lines = np.moveaxis(x, 1, -1).reshape(-1, classes)
    matrix = np.zeros((classes, classes))
    for scores, truth in zip(lines, integers(label)):
        if truth in p.ignore_label:
            continue
        if not 0 <= truth < classes:
            raise layer.error("a label that no class has", got=int(truth), want=f"0 to {classes - 1}")
        best = max(range(classes), key=lambda c, scores=scores: (scores[c], c))
        matrix[truth, best] += 1
    recalls, indices = [], []
    for c in range(classes):
        hit, row, column = matrix[c, c], matrix[c].sum(), matrix[:, c].sum()
        recalls += [hit / row] if row else []
        indices.append(1 if hit == row + column - hit else hit / (row + column - hit))
    accuracy = np.trace(matrix) / matrix.sum() if matrix.sum() else 0
    return np.array([accuracy, np.mean(recalls) if recalls else 0, np.mean(indices)]).reshape(1, 1, 1, 3)


def upsample(layer, x, mask=None):
    """With a mask SegNet's (upsample_layer.cpp:53-96 at alexgkendall/caffe-segnet), else every value repeated."""
    p = layer.message.upsample_param
    if mask is None:
        scale = p.scale if p.HasField("scale") else 1
        return np.kron(x, np.ones((1, 1, scale, scale)))
    down, right = (p.scale_h, p.scale_w) if p.HasField("scale_h") else (p.scale, p.scale)
    height, width = x.shape[2] * down - p.pad_out_h, x.shape[3] * right - p.pad_out_w
    if p.HasField("upsample_h"):
        height, width = p.upsample_h, p.upsample_w
    top = np.zeros((*x.shape[:2], height * width))
    for plane in np.ndindex(x.shape[:2]):
        for value, place in zip(x[plane].ravel(), integers(mask[plane])):
            if not 0 <= place < height * width:
                raise layer.error("a place outside of the plane", got=int(place), want=f"0 to {height * width - 1}")
            top[plane][place] = value
    return top.reshape(*x.shape[:2], height, width)


def spatial_dropout(layer, x):
    """The identity in TEST; random in TRAIN."""
    if layer.phase == "TRAIN":
        raise UnsupportedError("random in TRAIN", at=layer.place)
    return x


LAYERS = {"Interp": interp, "SegAccuracy": seg_accuracy, "SpatialDropout": spatial_dropout, "Upsample": upsample}
