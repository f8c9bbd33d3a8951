"""The layers of YOLO v2 and v3 in eric612/Caffe-YOLOv3-Windows: losses, detections, Reorg and ReLU6, box by box."""

import numpy as np

from zoo.reference.neuron import sigmoid_of

TRUTHS = 300


def relu6(layer, x):
    """As ReLU, at most 6 (relu6_layer.cpp:9-20)."""
    slope = layer.message.relu6_param.negative_slope
    return np.minimum(np.maximum(x, 0) + slope * np.minimum(x, 0), 6)


def reorg(layer, x):
    """Each value by the index formula of reorg_layer.hpp."""
    p = layer.message.reorg_param
    s, (n, c, h, w) = p.stride, x.shape
    small = c // s**2
    shape = (n, small, h * s, w * s) if p.reverse else (n, c * s**2, h // s, w // s)
    top, bottom = np.zeros(x.size), x.ravel()
    for q, (b, k, j, i) in enumerate(np.ndindex(n, c, h, w)):
        offset, channel = divmod(k, small)
        place = ((b * small + channel) * h * s + j * s + offset // s) * w * s + i * s + offset % s
        if p.reverse:
            top[place] = bottom[q]
        else:
            top[q] = bottom[place]
    return top.reshape(shape)


def _iou(a, b):
    """Of boxes (x, y, w, h) around their centres."""
    sides = [
        min(a[k] + a[k + 2] / 2, b[k] + b[k + 2] / 2) - max(a[k] - a[k + 2] / 2, b[k] - b[k + 2] / 2) for k in (0, 1)
    ]
    shared = 0 if min(sides) < 0 else sides[0] * sides[1]
    return np.float64(shared) / (a[2] * a[3] + b[2] * b[3] - shared)


def _truth(rows, column):
    """The rows (label, x, y, w, h) before the first with a 0 in `column`."""
    rows = rows.reshape(TRUTHS, 5)
    ends = np.flatnonzero(rows[:, column] == 0)
    return rows[: ends[0] if len(ends) else TRUTHS]


def _softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def _cell(box, side):
    """(column, row) of a box of the truth, None outside of the image."""
    i, j = int(np.float32(box[1]) * np.float32(side)), int(np.float32(box[2]) * np.float32(side))
    return (i, j) if 0 <= j * side + i < side * side else None


def region_loss(layer, x, gt):
    """The sum of delta squared over N, in a net that has not been trained yet (region_loss_layer.cpp:197-396)."""
    p = layer.message.region_loss_param
    side, number = x.shape[3], len(x)
    length = p.coords + p.num_class + 1
    values = x[:, : p.num * length].reshape(number, p.num, length, side, side)
    biases = np.array(p.biases).reshape(-1, 2)
    delta = np.zeros_like(values)

    def box(v, n, i, j):
        return (i + sigmoid_of(v[0])) / side, (j + sigmoid_of(v[1])) / side, *(np.exp(v[2:4]) * biases[n] / side)

    def pull(d, v, target, n, i, j, weight):
        d[:2] = weight * (sigmoid_of(v[:2]) - (np.array(target[:2]) * side - (i, j)))
        d[:2] *= sigmoid_of(v[:2]) * (1 - sigmoid_of(v[:2]))
        d[2:4] = weight * (v[2:4] - np.log(np.array(target[2:]) * side / biases[n]))

    for b in range(number):
        for n, j, i in np.ndindex(p.num, side, side):
            v, d = values[b, n, :, j, i], delta[b, n, :, j, i]
            o = sigmoid_of(v[4])
            best = max([0.0, *(_iou(box(v, n, i, j), row[1:]) for row in _truth(gt[b], 1))])
            d[4] = 0 if best > p.thresh else p.noobject_scale * o * o * (1 - o)
            if 12800 // number > 0:
                pull(d, v, ((i + 0.5) / side, (j + 0.5) / side, *(biases[n] / side)), n, i, j, 0.01)
        for row in _truth(gt[b], 3):
            if (cell := _cell(row, side)) is None:
                continue
            i, j = cell
            # Beyond the right edge the next row's first cell is read and written, as in the flat memory of the fork.
            at = (*divmod(j * side + i, side),)
            best, n = 0.0, 0
            for k in range(p.num):
                size = biases[k] / side if p.bias_match else box(values[(b, k, slice(None), *at)], k, i, j)[2:]
                if (over := _iou((0, 0, *size), (0, 0, *row[3:]))) > best:
                    best, n = over, k
            v, d = values[(b, n, slice(None), *at)], delta[(b, n, slice(None), *at)]
            pull(d, v, row[1:], n, i, j, p.coord_scale * (1 if p.rescore else 2 - row[3] * row[4]))
            o, target = sigmoid_of(v[4]), _iou(box(v, n, i, j), row[1:]) if p.rescore else 1
            d[4] = p.object_scale * (o - target) * o * (1 - o)
            d[5 : 5 + p.num_class] = p.class_scale * (
                _softmax(v[5 : 5 + p.num_class]) - (np.arange(p.num_class) == int(row[0]))
            )
    return (delta**2).sum() / number


def yolov3(layer, x, gt):
    """The sum of delta squared over N (yolov3_layer.cpp:165-366)."""
    p = layer.message.yolov3_param
    side, number, classes = x.shape[3], len(x), p.num_class
    values = np.float32(sigmoid_of(x)).astype(np.float64)  # in which a class can be certain, see `d[5]` below
    values = values.reshape(number, p.num, 5 + classes, side, side)
    values[:, :, 2:4] = x.reshape(values.shape)[:, :, 2:4]
    biases, mask = np.array(p.biases).reshape(-1, 2), list(p.mask)[: p.num]
    scale, whole = side * p.anchors_scale, int(side * p.anchors_scale)
    delta = np.zeros_like(values)
    for b in range(number):
        for n, j, i in np.ndindex(p.num, side, side):
            v, d = values[b, n, :, j, i], delta[b, n, :, j, i]
            box = (i + v[0]) / side, (j + v[1]) / side, *(np.exp(v[2:4]) * biases[mask[n]] / whole)
            best = max([0.0, *(_iou(box, row[1:]) for row in _truth(gt[b], 1))])
            d[4] = 0 if best > p.thresh else v[4]
        for row in _truth(gt[b], 3):
            best, anchor = 0.0, -1
            for k, size in enumerate(biases):
                if (over := _iou((0, 0, *(size / scale)), (0, 0, *row[3:]))) > best:
                    best, anchor = over, k
            if anchor not in mask or (cell := _cell(row, side)) is None:
                continue
            i, j = cell
            n, at = mask.index(anchor), divmod(j * side + i, side)
            v, d = values[(b, n, slice(None), *at)], delta[(b, n, slice(None), *at)]
            weight = p.coord_scale * (2 - row[3] * row[4])
            d[:2] = weight * (v[:2] - (row[1:3] * side - (i, j)))
            d[2:4] = weight * (v[2:4] - np.log(row[3:] * whole / biases[anchor]))
            d[4] = (v[4] - 1) * (p.object_scale if p.use_logic_gradient else 1)
            label = int(row[0])
            if d[5]:
                d[5 + label] = 1 - v[5 + label]
            else:
                d[5:] = p.class_scale * (v[5:] - (np.arange(classes) == label))
    return (delta**2).sum() / number


def _detections(found, threshold, number):
    """Thins out (score, label, x, y, w, h) of all items together; rows of item 0, or one of -1 for each item."""
    kept = []
    for one in sorted(found, key=lambda one: -one[0]):
        if not any(_iou(other[2:], one[2:]) >= threshold for other in kept):
            kept.append(one)
    if not kept:
        return np.array([[i, *[-1] * 6] for i in range(number)], np.float64).reshape(1, 1, number, 7)
    rows = [[0, label + 1, s, x - w / 2, y - h / 2, x + w / 2, y + h / 2] for s, label, x, y, w, h in kept]
    return np.array(rows)[None, None]


def yolo_detection_output(layer, *xs):
    """Boxes of the likeliest class at each place (yolo_detection_output_layer.cpp:214-353)."""
    p = layer.message.yolo_detection_output_param
    biases, found = np.array(p.biases).reshape(-1, 2), []
    for x in xs:
        side = x.shape[3]
        values = x.reshape(len(x), p.num_box, -1, side, side)
        for b, j, i, n in np.ndindex(len(x), side, side, p.num_box):
            v = values[b, n, :, j, i]
            probability = _softmax(v[5 : 5 + p.num_classes])
            score = np.float32(sigmoid_of(v[4]) * probability.max())
            if score >= np.float32(p.confidence_threshold):
                place = (i + sigmoid_of(v[0])) / side, (j + sigmoid_of(v[1])) / side
                found.append((score, probability.argmax(), *place, *(np.exp(v[2:4]) * biases[n] / side)))
    return _detections(found, p.nms_threshold, len(xs[0]))


def yolov3_detection_output(layer, *xs):
    """Boxes of each class above the threshold, over all scales (yolov3_detection_output_layer.cpp:230-344)."""
    p = layer.message.yolov3_detection_output_param
    biases, found, mask = np.array(p.biases).reshape(-1, 2), [], list(p.mask)
    group = len(mask) // p.mask_group_num
    for t, x in enumerate(xs):
        side = x.shape[3]
        values = x.reshape(len(x), p.num_box, -1, side, side)
        for b, j, i, n in np.ndindex(len(x), side, side, p.num_box):
            v = values[b, n, :, j, i]
            place = (i + sigmoid_of(v[0])) / side, (j + sigmoid_of(v[1])) / side
            size = np.exp(v[2:4]) * biases[mask[n + t * group]] / (side * p.anchors_scale[t])
            for label, score in enumerate(np.float32(sigmoid_of(v[5 : 5 + p.num_classes]) * sigmoid_of(v[4]))):
                if score > np.float32(p.confidence_threshold):
                    found.append((score, label, *place, *size))
    return _detections(found, p.nms_threshold, len(xs[-1]))


LAYERS = {
    "ReLU6": relu6,
    "RegionLoss": region_loss,
    "Reorg": reorg,
    "YoloDetectionOutput": yolo_detection_output,
    "Yolov3": yolov3,
    "Yolov3DetectionOutput": yolov3_detection_output,
}
