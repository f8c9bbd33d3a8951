"""The layers of Fast R-CNN, Faster R-CNN and R-FCN, region by region and bin by bin."""

import math
import re

import numpy as np

from zoo.errors import UnsupportedError
from zoo.reference.layer import integers


def _rounded(value):
    """C's round: halves away from zero."""
    return math.copysign(math.floor(abs(value)) + (abs(value) - math.floor(abs(value)) >= 0.5), value)


def _image(layer, roi, x):
    """The number of a region's image, None for a row that only fills up."""
    number = int(roi[0])
    if roi[0] == -1:
        return None
    if not 0 <= number < len(x):
        raise layer.error("a region of no image", got=number, want=f"0 to {len(x) - 1}")
    return number


def _bin(index, step, start, size, after_rounding):
    """The pixels of one bin along an axis as a slice; the float32 arithmetic of the forks."""
    low, high = np.float32(index) * step, np.float32(index + 1) * step
    if after_rounding:
        low, high = math.floor(low) + start, math.ceil(high) + start
    else:
        low, high = math.floor(low + start), math.ceil(high + start)
    return slice(int(min(max(low, 0), size)), int(min(max(high, 0), size)))


def roi_pooling(layer, x, rois):
    """The largest value of each bin (caffe-fast-rcnn roi_pooling_layer.cpp:46-134)."""
    p = layer.message.roi_pooling_param
    size = list(p.pooled_size)
    rows, columns = (size[0], size[-1]) if size else (p.pooled_h, p.pooled_w)
    scale = np.float32(p.spatial_scale)
    top = np.zeros((len(rois), x.shape[1], rows, columns))
    for n, roi in enumerate(rois.reshape(len(rois), 5)):
        if (image := _image(layer, roi, x)) is None:
            continue
        left, up, right, down = (_rounded(np.float32(v) * scale) for v in roi[1:])
        tall = np.float32(max(down - up + 1, 1)) / np.float32(rows)
        wide = np.float32(max(right - left + 1, 1)) / np.float32(columns)
        for i, j in np.ndindex(rows, columns):
            place = _bin(i, tall, up, x.shape[2], True), _bin(j, wide, left, x.shape[3], True)
            part = x[(image, slice(None), *place)]
            if part.size:
                top[n, :, i, j] = part.max((1, 2))
    return top


def psroi_pooling(layer, x, rois):
    """The mean of each bin, each in a channel of its own (intel/caffe psroi_pooling_layer.cpp:83-172)."""
    p = layer.message.psroi_pooling_param
    group, scale = p.group_size, np.float32(p.spatial_scale)
    top = np.zeros((len(rois), p.output_dim, group, group))
    planes = x.reshape(len(x), p.output_dim, group, group, *x.shape[2:])
    for n, roi in enumerate(rois.reshape(len(rois), 5)):
        if (image := _image(layer, roi, x)) is None:
            continue
        left, up = (np.float32(_rounded(np.float32(v))) * scale for v in roi[1:3])
        right, down = (np.float32(_rounded(np.float32(v)) + 1) * scale for v in roi[3:5])
        tall = max(down - up, np.float32(0.1)) / np.float32(group)
        wide = max(right - left, np.float32(0.1)) / np.float32(group)
        for i, j in np.ndindex(group, group):
            place = _bin(i, tall, up, x.shape[2], False), _bin(j, wide, left, x.shape[3], False)
            part = planes[(image, slice(None), i, j, *place)]
            if part.size:
                top[n, :, i, j] = part.mean((1, 2))
    return top


def box_annotator_ohem(layer, rois, loss, label, weights):
    """Keeps the roi_per_img regions of most loss in each image (intel/caffe box_annotator_ohem_layer.cpp:77-137)."""
    p = layer.message.box_annotator_ohem_param
    image = integers(rois.reshape(*rois.shape[:2], -1)[:, 0])
    left = dict.fromkeys(image, p.roi_per_img)
    keep = np.zeros(len(image), bool)
    for place in np.argsort(-loss.ravel(), kind="stable"):
        if left[image[place]] > 0 and image[place] >= 0:
            left[image[place]] -= 1
            keep[place] = True
    weights = weights.reshape(*weights.shape, *[1] * (4 - weights.ndim))
    keep = keep.reshape(len(label), 1, *weights.shape[2:])
    return np.where(keep, label.reshape(keep.shape), p.ignore_label), np.where(keep, weights, 0.0)


def _suppressed(boxes, threshold, most, touching):
    """The numbers of the boxes that are kept, best first; sizes count both ends.

    `touching`: boxes that are less than a pixel apart share nothing.
    """
    kept = []
    area = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    for i, box in enumerate(boxes):
        others = boxes[kept]
        sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]) + 1
        sides = sides * (sides >= 1).all(axis=1, keepdims=True) if touching else np.maximum(sides, 0)
        shared = np.prod(sides, axis=1)
        if len(kept) < most and np.all(shared / (area[i] + area[kept] - shared) <= threshold):
            kept.append(i)
    return kept


def _proposals(anchors, stride, scores, offsets, image):
    """Returns (boxes cut to the image, their scores), by row, column and anchor."""
    number, height, width = len(anchors), *scores.shape[2:]
    boxes, found = [], []
    for y, x, k in np.ndindex(height, width, number):
        box = anchors[k] + np.array([x, y, x, y]) * stride
        size = box[2:] - box[:2] + 1
        dx, log = np.split(offsets[0, 4 * k : 4 * k + 4, y, x], 2)
        middle, half = dx * size + box[:2] + size / 2, np.exp(log) * size / 2
        limit = np.array([image[1], image[0]] * 2) - 1
        boxes.append(np.maximum(np.minimum(np.concatenate([middle - half, middle + half]), limit), 0))
        found.append(scores[0, number + k, y, x])
    return np.array(boxes), np.array(found)


def _around(middle, widths, heights, scales):
    return np.array(
        [
            [middle - (w * s - 1) / 2, middle - (h * s - 1) / 2, middle + (w * s - 1) / 2, middle + (h * s - 1) / 2]
            for w, h in zip(widths, heights)
            for s in scales
        ]
    )


def _chosen(boxes, scores, order, after, threshold, touching=False):
    boxes, scores = boxes[order], scores[order]
    kept = _suppressed(boxes, threshold, after, touching)
    return np.concatenate([np.zeros((len(kept), 1)), boxes[kept]], axis=1), scores[kept]


def proposal(layer, scores, offsets, image):
    """PVANet's (proposal_layer.cpp:99-320): a small box has a score of 0."""
    p, (tall, wide, *scale) = layer.message.proposal_param, image.ravel()[:4]
    widths = [int(math.sqrt(p.base_size**2 / ratio) + 0.5) for ratio in p.ratio]
    heights = [int(w * ratio + 0.5) for w, ratio in zip(widths, p.ratio)]
    anchors = _around((p.base_size - 1) / 2, widths, heights, p.scale)
    boxes, scores = _proposals(anchors, p.feat_stride, scores, offsets, (tall, wide))
    large = (boxes[:, 2:] - boxes[:, :2] + 1 >= p.min_size * np.array(scale)[::-1]).all(1)
    order = quicksorted(scores * large, p.pre_nms_topn)[: p.pre_nms_topn]
    return _chosen(boxes, scores * large, order, p.post_nms_topn, p.nms_thresh, touching=True)


def quicksorted(scores, top):
    """The numbers of the scores as proposal_layer.cpp sort_box arranges them, best first."""
    numbers, parts = list(range(len(scores))), [(0, len(scores) - 1)]
    while parts:
        start, end = parts.pop()
        pivot, left, right = scores[numbers[start]], start + 1, end
        while left <= right:
            while left <= end and scores[numbers[left]] >= pivot:
                left += 1
            while right > start and scores[numbers[right]] <= pivot:
                right -= 1
            if left <= right:
                numbers[left], numbers[right] = numbers[right], numbers[left]
                left, right = left + 1, right - 1
        numbers[start], numbers[right] = numbers[right], numbers[start]
        if start < right - 1:
            parts.append((start, right - 1))
        if right + 1 < min(top, end):
            parts.append((right + 1, end))
    return numbers


def proposal_layer(layer, *bottoms):
    """py-faster-rcnn's Python class (lib/rpn/proposal_layer.py); other Python layers are the user's code."""
    p = layer.message.python_param
    if p.layer != "ProposalLayer":
        raise UnsupportedError('layer type "Python" has no reference implementation', at=layer.place)
    scores, offsets, image = bottoms
    stride = int(re.search(r"feat_stride\D*(\d+)", p.param_str)[1])
    listed = re.search(r"scales[^\[(]*[\[(]([^\])]*)", p.param_str)
    ratios = np.array([0.5, 1, 2])
    widths = np.round(np.sqrt(256 / ratios))
    scales = [float(scale) for scale in listed[1].split(",")] if listed else [8, 16, 32]
    anchors = _around(7.5, widths, np.round(widths * ratios), scales)
    tall, wide, scale = image.ravel()[:3]
    boxes, scores = _proposals(anchors, stride, scores, offsets, (tall, wide))
    large = (boxes[:, 2:] - boxes[:, :2] + 1 >= 16 * scale).all(1)
    before, after = (12000, 2000) if layer.phase == "TRAIN" else (6000, 300)
    order = np.argsort(-scores[large], kind="stable")[:before]
    rois, scores = _chosen(boxes[large], scores[large], order, after, 0.7)
    return rois, scores[:, None]


LAYERS = {
    "BoxAnnotatorOHEM": box_annotator_ohem,
    "PSROIPooling": psroi_pooling,
    "Proposal": proposal,
    "Python": proposal_layer,
    "ROIPooling": roi_pooling,
}
