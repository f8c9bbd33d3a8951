"""The layers of Fast R-CNN, Faster R-CNN and R-FCN, region by region and bin by bin."""

import math

import numpy as np

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
    kept = keep.reshape(label.shape)
    shape = (len(label), 1, *weights.shape[2:])
    return np.where(kept, label, p.ignore_label), np.where(keep.reshape(shape), weights, 0.0)


LAYERS = {
    "BoxAnnotatorOHEM": box_annotator_ohem,
    "PSROIPooling": psroi_pooling,
    "ROIPooling": roi_pooling,
}
