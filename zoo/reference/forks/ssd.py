"""The layers of SSD (weiliu89/caffe, branch ssd) but for its losses."""

import numpy as np

from zoo.formats import name_sizes
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
    """Returns intersection over union of two boxes, in float32 as there: its rounding tells near equals apart."""
    a, b = np.float32(a[:4]), np.float32(b[:4])
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (size(a) + size(b) - shared)


def size(box):
    """Returns a box's area, 0 of one that is inside out."""
    width, height = box[2:] - box[:2]
    return 0.0 if width < 0 or height < 0 else width * height


def permute(layer, x):
    """Axes by `order`, then the others."""
    order = list(layer.message.permute_param.order)
    return np.transpose(x, order + [axis for axis in range(x.ndim) if axis not in order])


def normalize(layer, x):
    """One item after another, as normalize_layer.cpp:85-141."""
    p = layer.message.norm_param if layer.message.type == "Normalize" else layer.message.normalize_bbox_param
    (scale,) = layer.blobs
    y = np.empty_like(x)
    for n, item in enumerate(x):
        norm = np.sqrt(p.eps + np.square(item).sum(axis=None if p.across_spatial else 0))
        y[n] = item / norm * scale.reshape(-1, *[1] * (item.ndim - 1))
    return y


def prior_box(layer, x, image):
    """One number after another, as prior_box_layer.cpp:120-215."""
    p = layer.message.prior_box_param
    text_boxes = "textboxes" in layer.forks  # prior_box_layer.cpp:80-160 of MhLiao/TextBoxes
    loose = text_boxes or "opencv" in layer.forks
    cut = float if loose else int
    height, width = (*x.shape, 1, 1)[2:4]
    image_height, image_width = (*image.shape, 1, 1)[2:4]
    if p.HasField("img_size"):
        image_height = image_width = p.img_size
    if p.HasField("img_h"):
        image_height, image_width = p.img_h, p.img_w
    step_h, step_w = image_height / height, image_width / width
    if p.HasField("step"):
        step_h = step_w = p.step
    if p.HasField("step_h"):
        step_h, step_w = p.step_h, p.step_w
    ratios = [1.0]
    for ratio in p.aspect_ratio:
        if not any(abs(ratio - known) < 1e-6 for known in ratios):
            ratios.append(ratio)
            if p.flip:
                ratios.append(1 / ratio)
    values = []
    for h in range(height):
        for w in range(width):
            for index, least in enumerate(p.min_size):
                least = cut(least)
                sizes = [(least, least)]
                if p.max_size:
                    sizes.append((np.sqrt(least * cut(p.max_size[index])),) * 2)
                sizes += [(least * r**0.5, least / r**0.5) for r in ratios if abs(r - 1) >= 1e-6]
                x, y = (w + p.offset) * step_w, (h + p.offset) * step_h
                for a, b in sizes:
                    for down in (y, (h + 1.0) * step_h) if text_boxes else (y,):
                        values += [(x - a / 2) / image_width, (down - b / 2) / image_height]
                        values += [(x + a / 2) / image_width, (down + b / 2) / image_height]
    clip = p.clip if p.HasField("clip") else loose
    values = np.clip(values, 0, 1) if clip else np.array(values)
    variance = list(p.variance) or [0.1]
    return np.stack([values, np.tile(variance, len(values) // len(variance))])[None]


def in_pixels(box, size, resize):
    """A box of a resized image in pixels of the image before, of `size` (height, width) (bbox_util.cpp:155-250)."""
    box, sides = np.float32(box[:4]), np.float32([size[1], size[0]] * 2)
    mode = enum_name(resize, "resize_mode")
    if mode == "FIT_SMALL_SIZE" and resize.height_scale and resize.width_scale:
        return np.clip(box * np.float32([resize.width_scale, resize.height_scale] * 2), 0, sides)
    if mode == "FIT_LARGE_SIZE_AND_PAD":
        fitted = np.array(size[::-1]) * min(resize.width / size[1], resize.height / size[0])
        shares = np.tile(fitted / (resize.width, resize.height), 2)  # of the resized image that are no border
        begin = (1 - shares) / 2
        if (box[:2] < (1 - begin)[:2]).all() and (box[2:] > begin[2:]).all():
            box = np.float32((box - begin) / shares)
    return np.clip(box, 0, 1) * sides


def pixel_jaccard(one, other, size, resize):
    """Overlap of boxes in pixels of an image of `size` (height, width) (bbox_util.cpp:65-214, 274-294)."""
    one, other = (in_pixels(box, size, resize) for box in (one, other))
    corners = np.concatenate([np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])])
    if (corners[2:] < corners[:2]).any():
        corners = np.zeros(4)
    small = enum_name(resize, "resize_mode") == "FIT_SMALL_SIZE" and resize.height_scale and resize.width_scale
    pixel = 0 if small else 1  # ClipBBox in pixels leaves an area as of shares behind
    areas = [0 if (b[2:] < b[:2]).any() else np.prod(b[2:] - b[:2] + pixel) for b in (one, other)]
    shared = np.prod(corners[2:] - corners[:2] + 1)
    return shared / (sum(areas) - shared)


def detection_evaluate(layer, det, gt, before=0):
    """One image and one label after another, as detection_evaluate_layer.cpp:80-227.

    `before` is how many images have gone by, for a name_size_file.
    """
    p = layer.message.detection_evaluate_param
    sizes = name_sizes.read(p.name_size_file, file=layer.place.file) if p.name_size_file else None
    found, there = {}, {}
    for row in det[0, 0]:
        if row[0] != -1:
            found.setdefault(int(row[0]), {}).setdefault(int(row[1]), []).append(row[2:])
    for row in gt[0, 0]:
        if row[0] == -1:
            break
        there.setdefault(int(row[0]), {}).setdefault(int(row[1]), []).append(row[3:])
    rows = []
    for label in range(p.num_classes):
        boxes = [box for labels in there.values() for box in labels.get(label, [])]
        if label != p.background_label_id:
            rows.append([-1, label, sum(p.evaluate_difficult_gt or not box[4] for box in boxes), -1, -1])
    for number, image in enumerate(sorted(found), before):
        size = sizes and sizes[number % len(sizes)][1]
        for label in sorted(set(found[image]) - {-1}):
            boxes, seen = there.get(image, {}).get(label), set()
            for row in found[image][label] if not boxes else sorted(found[image][label], key=lambda row: -row[0]):
                overlaps = [
                    pixel_jaccard(row[1:], box[:4], size, p.resize_param) if size else jaccard(row[1:], box[:4])
                    for box in boxes or [np.zeros(5)]
                ]
                best = int(np.argmax(overlaps))
                true, false = 0, 1
                if boxes and overlaps[best] >= p.overlap_threshold:
                    true, false = int(best not in seen), int(best in seen)
                    if boxes[best][4] and not p.evaluate_difficult_gt:
                        true, false = 0, 0
                    else:
                        seen.add(best)
                rows.append([image, label, row[0], true, false])
    missing = p.num_classes - 1 + np.count_nonzero(det[0, 0, :, 1] != -1) - len(rows)
    return np.array(rows + [[0] * 5] * missing, np.float64)[None, None]


LAYERS = {
    "DetectionEvaluate": detection_evaluate,
    "DetectionOutput": detection_output,
    "Normalize": normalize,
    "NormalizeBBox": normalize,
    "Permute": permute,
    "PriorBox": prior_box,
}
