"""How WindowData cuts one box out of an image and warps it (window_data_layer.cpp:252-416), in Caffe's float32."""

import math
from typing import NamedTuple

import numpy as np

from zoo.errors import DataError, NetError


class Cut(NamedTuple):
    """What is done to every box.

    Attributes:
        size: the side of what comes out.
        context: how many values of it, on every side, show what lies around the box.
        square: whether the box is grown to a square first, so that its aspect stays.
        scale: float32 factor, applied after the mean.
        mean: None, float32 (1,) or (3,) values, or a float32 (H, W, 3) image whose middle is subtracted.
    """

    size: int
    context: int = 0
    square: bool = False
    scale: np.float32 = np.float32(1)
    mean: np.ndarray | None = None

    def check(self, layer):
        """Raises ZooError, placed at `layer`, for what cannot be cut."""
        if 2 * self.context >= self.size:
            at = layer.at("window_data_param.context_pad")
            want = f"less than {self.size / 2:g}, half of crop_size"
            raise NetError("context_pad leaves nothing of the box", at=at, got=self.context, want=want)
        if self.mean is None:
            return
        if self.mean.ndim == 1 and self.mean.size not in (1, 3):
            at = layer.at("transform_param.mean_value")
            raise DataError("wrong number of mean_value", at=at, got=self.mean.size, want="1 or 3")
        if self.mean.ndim == 3:
            height, width, channels = self.mean.shape
            # One offset, from the width, serves both axes in Caffe.
            if channels != 3 or width < self.size or height < (width - self.size) // 2 + self.size:
                want = f"3 channels and at least {self.size} x {self.size}, square"
                at = layer.at("transform_param.mean_file")
                raise DataError("mean_file does not cover the crop", at=at, got=(channels, height, width), want=want)


def cut(image, corners, mirror, how):
    """Returns float32 (size, size, 3): the box warped; zero where it reaches beyond the image.

    Args:
        image: uint8 (H, W, 3).
        corners: x1, y1, x2, y2, from 0, the last column and row belonging to the box.
        mirror: whether to flip left to right.
        how: the `Cut`.

    Raises:
        DataError: a box that does not lie in the image.
    """
    import cv2

    x1, y1, x2, y2 = (int(corner) for corner in corners)
    top, left, height, width = 0, 0, how.size, how.size
    if how.context or how.square:
        x1, y1, x2, y2 = _grow(x1, y1, x2, y2, how)
        rows, columns = _fit(y1, y2, image.shape[0], how.size), _fit(x1, x2, image.shape[1], how.size)
        y1, y2, x1, x2 = rows.first, rows.last, columns.first, columns.last
        top, left = rows.before, columns.after if mirror else columns.before
        height, width = min(rows.length, how.size - top), min(columns.length, how.size - left)
    inside = 0 <= x1 <= x2 < image.shape[1] and 0 <= y1 <= y2 < image.shape[0]
    if not inside or height < 1 or width < 1:
        got, want = tuple(int(c) for c in corners), f"corners within {image.shape[1]} x {image.shape[0]} (W x H)"
        raise DataError("a box that does not lie in its image", got=got, want=want)
    window = cv2.resize(image[y1 : y2 + 1, x1 : x2 + 1], (width, height), interpolation=cv2.INTER_LINEAR)
    values = window[:, ::-1].astype(np.float32) if mirror else window.astype(np.float32)
    if how.mean is not None and how.mean.ndim == 3:
        offset = (how.mean.shape[1] - how.size) // 2
        values -= how.mean[offset + top : offset + top + height, offset + left : offset + left + width]
    elif how.mean is not None:
        values -= how.mean
    out = np.zeros((how.size, how.size, 3), np.float32)
    out[top : top + height, left : left + width] = values * how.scale
    return out


class _Fit(NamedTuple):
    """Along one axis: what is taken of the image, and where it goes once warped."""

    first: int
    last: int
    length: int
    before: int
    after: int


def _grow(x1, y1, x2, y2, how):
    """Returns the corners of the box with its context, which may lie outside the image."""
    scale = np.float32(how.size) / np.float32(how.size - 2 * how.context)
    half_height, half_width = np.float32((y2 - y1 + 1) / 2), np.float32((x2 - x1 + 1) / 2)
    x, y = np.float32(x1) + half_width, np.float32(y1) + half_height
    if how.square:
        half_height = half_width = max(half_height, half_width)
    return (
        _round(x - half_width * scale),
        _round(y - half_height * scale),
        _round(x + half_width * scale),
        _round(y + half_height * scale),
    )


def _fit(first, last, limit, size):
    before, after = max(0, -first), max(0, last - limit + 1)
    scale = np.float32(size) / np.float32(last - first + 1)
    inner_first, inner_last = first + before, last - after
    length = _round(np.float32(inner_last - inner_first + 1) * scale)
    return _Fit(inner_first, inner_last, length, _round(np.float32(before) * scale), _round(np.float32(after) * scale))


def _round(value):
    """Returns C's round: halves go away from zero."""
    return int(math.copysign(math.floor(abs(float(value)) + 0.5), value))
