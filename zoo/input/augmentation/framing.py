"""Steps that change what an image shows: expand, crop to a region, resize (data_transformer.cpp, im_transforms.cpp)."""

import math

import numpy as np

from zoo.input.augmentation.boxes import CORNERS, WHOLE, project

_INTERPOLATION = {"LINEAR": 1, "AREA": 3, "NEAREST": 0, "CUBIC": 2, "LANCZOS4": 4}  # OpenCV's numbers
_BORDER = {"CONSTANT": 0, "MIRRORED": 4, "REPEAT_NEAREST": 1}


def expand(rng, image, boxes, p, fill=0):
    """Returns (image, boxes) with the image somewhere on a canvas up to max_expand_ratio as large, or as they were.

    Args:
        rng: a NumPy random generator.
        image: (H, W, C), uint8.
        boxes: (G, 7), see `boxes`.
        p: an ExpansionParameter.
        fill: of the canvas: a value, or one a channel; SSD takes the mean values.
    """
    if rng.uniform() > p.prob or abs(p.max_expand_ratio - 1) < 1e-2:
        return image, boxes
    ratio = rng.uniform(1, p.max_expand_ratio)
    height, width = image.shape[:2]
    high, wide = int(height * ratio), int(width * ratio)
    top, left = math.floor(rng.uniform(0, high - height)), math.floor(rng.uniform(0, wide - width))
    canvas = np.empty((high, wide, image.shape[2]), image.dtype)
    canvas[:] = np.rint(np.clip(fill, 0, 255)).astype(image.dtype)
    canvas[top : top + height, left : left + width] = image
    region = (-left / width, -top / height, (wide - left) / width, (high - top) / height)
    return canvas, project(boxes, region)


def crop(image, boxes, region, constraint=None):
    """Returns (image, boxes) of a region of the image (CropImage), clipped to it.

    Args:
        constraint: an EmitConstraint, as for `project`.
    """
    region = np.clip(region, 0, 1)
    if tuple(region) == WHOLE and constraint is None:
        return image, boxes
    height, width = image.shape[:2]
    left, top, right, bottom = region * (width, height, width, height)
    columns, rows = int(right - left), int(bottom - top)
    shown = image[int(top) : int(top) + max(rows, 1), int(left) : int(left) + max(columns, 1)]
    return shown, project(boxes, region, constraint)


def resize(rng, image, boxes, p):
    """Returns (image, boxes) brought to height x width of a ResizeParameter: warped, or fitted and padded.

    One of the `interp_mode` is drawn; LINEAR without any.
    """
    import cv2

    modes = [p.DESCRIPTOR.fields_by_name["interp_mode"].enum_type.values_by_number[mode].name for mode in p.interp_mode]
    mode = _INTERPOLATION[modes[rng.integers(len(modes))] if modes else "LINEAR"]
    if p.resize_mode == p.WARP:
        shown = cv2.resize(image, (p.width, p.height), interpolation=mode)
        return _channels(shown, image), project(boxes, WHOLE)
    height, width = image.shape[:2]
    aspect, wanted = np.float32(width) / np.float32(height), np.float32(p.width) / np.float32(p.height)
    if aspect > wanted:
        size = (p.width, int(np.float32(p.width) / aspect))
    else:
        size = (int(aspect * np.float32(p.height)), p.height)
    shown = _channels(cv2.resize(image, size, interpolation=mode), image)
    left, top = (p.width - size[0]) // 2, (p.height - size[1]) // 2
    border = _BORDER[p.DESCRIPTOR.fields_by_name["pad_mode"].enum_type.values_by_number[p.pad_mode].name]
    value = list(p.pad_value) * (3 if len(p.pad_value) == 1 else 1) or [0, 0, 0]
    edges = (top, p.height - size[1] - top, left, p.width - size[0] - left)
    padded = _channels(cv2.copyMakeBorder(shown, *edges, border, value=value), image)
    fitted = boxes.copy()
    spare_x = (p.width - aspect * p.height) / 2 if aspect <= wanted else 0
    spare_y = (p.height - p.width / aspect) / 2 if aspect > wanted else 0
    scale = np.float32([p.width - 2 * spare_x, p.height - 2 * spare_y])
    corners = boxes[:, CORNERS].reshape(-1, 2, 2) * scale + np.float32([spare_x, spare_y])
    fitted[:, CORNERS] = (corners / np.float32([p.width, p.height])).reshape(-1, 4)
    return padded, project(fitted, WHOLE)


def _channels(image, like):
    """Puts back the axis of a single channel, which OpenCV takes away."""
    return image.reshape(*image.shape[:2], like.shape[2])
