"""The layers of SSD (weiliu89/caffe, branch ssd)."""

import numpy as np

from zoo.reference.layer import enum_name

LOWEST = -np.finfo(np.float32).max


def detection_output(layer, loc, conf, prior, *_):
    """One image and one class after another, as detection_output_layer.cpp:180-330."""
    p = layer.message.detection_output_param
    classes, items = p.num_classes, len(loc)
    priors, variances = prior.ravel()[: 2 * prior.shape[2]].reshape(2, -1, 4)
    own = 1 if p.share_location else classes
    loc, conf = loc.reshape(items, len(priors), own, 4), conf.reshape(items, len(priors), classes)
    nms = p.nms_param
    threshold = p.nms_threshold if p.HasField("nms_threshold") else nms.nms_threshold
    top_k = p.top_k if p.HasField("top_k") else nms.top_k if nms.HasField("top_k") else -1
    least = p.confidence_threshold if p.HasField("confidence_threshold") else LOWEST
    variances = np.ones_like(variances) if p.variance_encoded_in_target else variances
    rows = []
    for item in range(items):
        boxes = [decoded(enum_name(p, "code_type"), loc[item, :, c], priors, variances) for c in range(own)]
        found = []
        for label in range(classes):
            if label == p.background_label_id:
                continue
            scores, own_boxes = conf[item, :, label], boxes[0 if p.share_location else label]
            found += [
                (item, label, scores[i], *own_boxes[i])
                for i in suppressed(own_boxes, scores, least, threshold, nms.eta, top_k)
            ]
        if -1 < p.keep_top_k < len(found):
            best = sorted(found, key=lambda row: -row[2])[: p.keep_top_k]
            found = sorted(best, key=lambda row: row[1])
        rows += found
    if not rows:
        rows = [(item, *[-1] * 6) for item in range(items)]
    return np.array(rows, np.float64).reshape(1, 1, -1, 7)


def decoded(code_type, loc, priors, variances):
    """Returns boxes (P, 4) of offsets (P, 4)."""
    sizes, loc = priors[:, 2:] - priors[:, :2], loc * variances
    if code_type == "CORNER":
        return priors + loc
    if code_type == "CORNER_SIZE":
        return priors + loc * np.tile(sizes, 2)
    centre = loc[:, :2] * sizes + (priors[:, :2] + priors[:, 2:]) / 2
    half = np.exp(loc[:, 2:]) * sizes / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def suppressed(boxes, scores, least, threshold, eta, top_k):
    """Returns the indices that greedy suppression keeps, best first (bbox_util.cpp ApplyNMSFast)."""
    order = sorted((i for i in range(len(scores)) if scores[i] > least), key=lambda i: -scores[i])
    kept = []
    for i in order[:top_k] if top_k > -1 else order:
        if all(jaccard(boxes[i], boxes[k]) <= threshold for k in kept):
            kept.append(i)
            if eta < 1 and threshold > 0.5:
                threshold *= eta
    return kept


def jaccard(a, b):
    """Returns intersection over union of two boxes."""
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (size(a) + size(b) - shared)


def size(box):
    """Returns a box's area, 0 of one that is inside out."""
    width, height = box[2:] - box[:2]
    return 0.0 if width < 0 or height < 0 else width * height


LAYERS = {
    "DetectionOutput": detection_output,
}
