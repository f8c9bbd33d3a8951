"""Tiles of one size -> one image."""

import math

import numpy as np

from zoo.errors import DataError
from zoo.formats import image_file


def grid(tiles, columns=None, scale=1, gap=1, background=1.0):
    """Returns tiles row by row as one image, float32 (height, width, C).

    Args:
        tiles: (N, h, w, C) in 0..1, C 1 or 3 (R, G, B).
        columns: how many stand next to each other; None makes the image about square.
        scale: pixels, each way, for each pixel of a tile.
        gap: pixels between tiles, before scaling.
        background: brightness of the gaps and of the places that are left, 0..1.

    Raises:
        DataError: no tiles, or not of such a shape.
    """
    tiles = np.asarray(tiles, np.float32)
    if tiles.ndim != 4 or not tiles.size or tiles.shape[3] not in (1, 3):
        raise DataError("no tiles for a grid", got=f"shape {tiles.shape}", want="(N, h, w, 1 or 3), none of them 0")
    count, height, width, channels = tiles.shape
    if columns is None:
        columns = min(count, max(1, math.ceil(math.sqrt(count * (height + gap) / (width + gap)))))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), background, np.float32)
    for index, tile in enumerate(tiles):
        y, x = index // columns * (height + gap), index % columns * (width + gap)
        sheet[y : y + height, x : x + width] = tile
    return enlarged(sheet, scale)


def enlarged(image, scale):
    """Returns an image (H, W, C) with each pixel as a square of `scale` pixels."""
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def resized(image, height, width):
    """Returns an image (H, W, C) at another size; a smaller one has means of its pixels, by their areas."""
    if image.shape[:2] == (height, width):
        return image
    cv2 = image_file.opencv()
    small = cv2.resize(np.asarray(image), (width, height), interpolation=cv2.INTER_AREA)
    return small.reshape(height, width, image.shape[2])  # of one channel OpenCV drops the axis


def sized(image, side):
    """Returns an image (H, W, C) whose longer side is about `side` pixels.

    A small one is enlarged by a whole number, pixels staying sharp squares; a large one is averaged down.
    """
    longer = max(image.shape[:2])
    if longer <= side:
        return enlarged(image, max(1, round(side / longer)))
    return resized(image, *(max(1, round(length * side / longer)) for length in image.shape[:2]))
