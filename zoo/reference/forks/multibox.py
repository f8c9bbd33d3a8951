"""MultiBoxLoss, box by box, in the order of multibox_loss_layer.cpp and bbox_util.cpp of weiliu89/caffe@ssd."""

import math

import numpy as np

from zoo.reference.layer import enum_name

FLT_MIN = float(np.finfo(np.float32).tiny)


def multibox_loss(layer, loc, conf, prior, truth):
    """(loc_weight * localisation + confidence) / normaliser (multibox_loss_layer.cpp:146-236)."""
    p, message = layer.message.multibox_loss_param, layer.message
    prior = prior.reshape(2, -1, 4)
    boxes, variances = prior
    n, count = len(loc), len(boxes)
    own = 1 if p.share_location else p.num_classes
    loc = loc.reshape(n, count, own, 4)
    conf = conf.reshape(n, count, p.num_classes)
    by_item = _ground_truth(layer, truth, n)
    code = enum_name(p, "code_type")
    mining = enum_name(p, "mining_type")
    matches = []  # of each item {location class: [row of its ground truth, -1 or -2 for each prior]}
    negatives = []
    total_loc = total_conf = matched = 0
    for i in range(n):
        found, overlaps = _find(p, code, boxes, variances, loc[i], by_item[i])
        chosen = _mine(p, mining, code, boxes, variances, loc[i], conf[i], by_item[i], found, overlaps)
        matches.append(found)
        negatives.append(chosen)
        for c, rows in found.items():
            for j in (j for j, row in enumerate(rows) if row > -1):
                matched += 1
                total_loc += _localisation(p, code, boxes[j], variances[j], loc[i, j, c], by_item[i][rows[j]]["box"])
    if mining == "NONE":
        total_conf = _confidence_of_all(p, conf, matches, by_item)
    else:
        for i in range(n):
            for rows in matches[i].values():
                for j in (j for j, row in enumerate(rows) if row > -1):
                    total_conf += _confidence(p, conf[i, j], _label(p, by_item[i][rows[j]]), p.background_label_id)
            for j in negatives[i]:
                total_conf += _confidence(p, conf[i, j], p.background_label_id, p.background_label_id)
    down = list(message.propagate_down) or [True, True]
    total = (p.loc_weight * total_loc if down[0] else 0) + (total_conf if down[1] else 0)
    return total / _normaliser(message.loss_param, n, count, matched)


def _normaliser(p, n, count, matched):
    mode = enum_name(p, "normalization")
    if p.HasField("normalize") and not p.HasField("normalization"):
        mode = "VALID" if p.normalize else "BATCH_SIZE"
    return max(1, {"VALID": matched, "BATCH_SIZE": n, "FULL": n * count, "NONE": 1}[mode])


def _ground_truth(layer, truth, n):
    """Of each item the list of its ground truths (bbox_util.cpp:1055-1085)."""
    p = layer.message.multibox_loss_param
    by_item = [[] for _ in range(n)]
    for row in truth.reshape(-1, 8):
        item, label = int(row[0]), int(row[1])
        if item == -1:
            continue
        if label == p.background_label_id:
            raise layer.error("a ground truth of the background", got=label)
        if not p.use_difficult_gt and row[7]:
            continue
        if 0 <= item < n:
            by_item[item].append({"label": label, "box": row[3:7]})
    return by_item


def _label(p, one):
    return p.background_label_id + 1 if p.map_object_to_agnostic else one["label"]


def _overlap(a, b):
    """In float32 as there: of boxes that overlap as much, its rounding says which does so most (bbox_util.cpp:274)."""
    a, b = np.float32(a), np.float32(b)
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (_area(a) + _area(b) - width * height)


def _area(box):
    return 0.0 if box[2] < box[0] or box[3] < box[1] else (box[2] - box[0]) * (box[3] - box[1])


def _decode(p, code, prior, variance, offsets):
    """bbox_util.cpp:441-529."""
    offsets = np.array(offsets) * (1 if p.encode_variance_in_target else variance)
    size = np.array([prior[2] - prior[0], prior[3] - prior[1]])
    if code == "CORNER":
        return prior + offsets
    if code == "CORNER_SIZE":
        return prior + offsets * np.tile(size, 2)
    centre = (prior[:2] + prior[2:]) / 2 + offsets[:2] * size
    half = np.exp(offsets[2:]) * size / 2
    return np.concatenate([centre - half, centre + half])


def _encode(code, prior, box):
    """The inverse, variances aside (bbox_util.cpp:363-438)."""
    size = np.array([prior[2] - prior[0], prior[3] - prior[1]])
    if code == "CORNER":
        return box - prior
    if code == "CORNER_SIZE":
        return (box - prior) / np.tile(size, 2)
    centre = ((box[:2] + box[2:]) - (prior[:2] + prior[2:])) / 2 / size
    return np.concatenate([centre, np.log((box[2:] - box[:2]) / size)])


def _find(p, code, boxes, variances, loc, truths):
    """({location class: matches}, {location class: largest overlaps}) of one item (bbox_util.cpp:722-818)."""
    if not truths:
        return {}, {}
    everything = list(range(len(truths)))
    classes = [0] if p.share_location else [c for c in range(p.num_classes) if c != p.background_label_id]
    if not p.use_prior_for_matching:
        found, overlaps = {}, {}
        for c in classes:
            decoded = [_decode(p, code, *each) for each in zip(boxes, variances, loc[:, c])]
            mine = everything if p.share_location else [g for g in everything if truths[g]["label"] == c]
            found[c], overlaps[c] = _match(p, decoded, truths, mine)
        return found, overlaps
    rows, best = _match(p, boxes, truths, everything)
    if p.share_location:
        return {0: rows}, {0: best}
    of_class = {c: [row if row > -1 and truths[row]["label"] == c else -1 for row in rows] for c in classes}
    return of_class, dict.fromkeys(classes, best)


def _match(p, boxes, truths, rows):
    """Matches of `boxes` with the ground truths `rows`, and their largest overlaps (bbox_util.cpp:584-720)."""
    found, best, overlaps = [-1] * len(boxes), [0.0] * len(boxes), {}
    if not rows:
        return found, best
    for j, box in enumerate(boxes):
        if p.ignore_cross_boundary_bbox and any(side < 0 or side > 1 for side in box):
            found[j] = -2
            continue
        for g in rows:
            if (one := _overlap(box, truths[g]["box"])) > 1e-6:
                overlaps[j, g] = one
                best[j] = max(best[j], one)
    pool = list(rows)
    while pool:
        free = [(one, -j, -g) for (j, g), one in overlaps.items() if found[j] == -1 and g in pool]
        if not free:
            break
        _, j, g = max(free)
        found[-j] = -g
        pool.remove(-g)
    if enum_name(p, "match_type") == "PER_PREDICTION":
        for j in range(len(boxes)):
            near = [(overlaps[j, g], -g) for g in rows if overlaps.get((j, g), -1) >= p.overlap_threshold]
            if found[j] == -1 and near:
                found[j] = -max(near)[1]
    return found, best


def _mine(p, mining, code, boxes, variances, loc, conf, truths, found, overlaps):
    """Returns the negatives; of HARD_EXAMPLE also takes matches out of `found` (bbox_util.cpp:850-1031)."""
    if mining == "NONE" or not found:
        return []
    rows, best = found[0], overlaps[0]
    background = p.background_label_id
    losses = []
    for j, row in enumerate(rows):
        label = truths[row]["label"] if row > -1 else background
        losses.append(_confidence(p, conf[j], label, 0))
        if mining == "HARD_EXAMPLE" and row > -1:
            losses[-1] += _localisation(p, code, boxes[j], variances[j], loc[j, 0], truths[row]["box"])
    if mining == "MAX_NEGATIVE":
        eligible = [j for j, row in enumerate(rows) if row == -1 and best[j] < p.neg_overlap]
        positives = sum(row > -1 for row in rows)
        number = min(int(np.float32(positives) * np.float32(p.neg_pos_ratio)), len(eligible))
    else:
        eligible = list(range(len(rows)))
        number = min(p.sample_size, len(eligible))
    eligible.sort(key=lambda j: -losses[j])
    if p.HasField("nms_param") and p.nms_param.nms_threshold > 0:
        if p.use_prior_for_nms:
            judged = boxes
        else:
            judged = [_decode(p, code, *each) for each in zip(boxes, variances, loc[:, 0])]
        eligible = _suppressed(eligible, judged, p.nms_param)
    chosen = set(eligible[: max(number, 0)])
    negatives = [j for j, row in enumerate(rows) if row == -1 and j in chosen]
    if mining == "HARD_EXAMPLE":
        found[0] = [row if row < 0 or j in chosen else -1 for j, row in enumerate(rows)]
    return negatives


def _suppressed(order, boxes, nms):
    """Those of `order` that are kept (bbox_util.cpp:1790-1863)."""
    if nms.top_k > -1:
        order = order[: nms.top_k]
    kept = []
    for j in order:
        if _area(boxes[j]) >= 1e-5 and all(_overlap(boxes[k], boxes[j]) <= nms.nms_threshold for k in kept):
            kept.append(j)
    return kept


def _localisation(p, code, prior, variance, offsets, box):
    """The localisation loss of one match (bbox_util.cpp:1170-1322)."""
    target = _encode(code, prior, box)
    judged = prior if p.use_prior_for_matching else _decode(p, code, prior, variance, offsets)
    off = offsets / (variance if p.encode_variance_in_target else 1) - target / variance
    if p.bp_inside:
        off = np.where((judged < 0) | (judged > 1), 0, off)
    if enum_name(p, "loc_loss_type") == "L2":
        return (off**2).sum() / 2
    return sum(d * d / 2 if abs(d) < 1 else abs(d) - 0.5 for d in off)


def _confidence(p, scores, label, elsewhere):
    """The confidence loss of one prior (bbox_util.cpp:1454-1524)."""
    if enum_name(p, "conf_loss_type") == "SOFTMAX":
        grown = np.exp(scores - scores.max())
        return -math.log(max(grown[label] / grown.sum(), FLT_MIN))
    targets = np.full(len(scores), float(elsewhere))
    targets[label] = 1
    return _logistic(scores, targets).sum()


def _logistic(x, t):
    return np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x)))


def _confidence_of_all(p, conf, matches, by_item):
    """Without mining every prior counts, matched or not (bbox_util.cpp:1540-1639)."""
    n, count, classes = conf.shape
    labels = np.full((n, count), p.background_label_id)
    targets = np.full(n * count * classes, float(p.background_label_id))
    for i, found in enumerate(matches):
        for _, rows in sorted(found.items()):
            for j in (j for j, row in enumerate(rows) if row > -1):
                labels[i, j] = _label(p, by_item[i][rows[j]])
                targets[i * count + j * classes + labels[i, j]] = 1  # the pointer moves by priors, not by scores
    if enum_name(p, "conf_loss_type") == "LOGISTIC":
        return _logistic(conf.ravel(), targets).sum()
    return sum(_confidence(p, conf[i, j], labels[i, j], p.background_label_id) for i in range(n) for j in range(count))


LAYERS = {"MultiBoxLoss": multibox_loss}
