"""Boxes drawn on an image."""

import colorsys

import numpy as np


def colour(label: int) -> tuple[int, int, int]:
    """Returns a BGR colour for a label: neighbours differ in hue by the golden ratio."""
    red, green, blue = colorsys.hsv_to_rgb(label * 0.618034 % 1, 0.85, 0.95)
    return round(255 * blue), round(255 * green), round(255 * red)


def draw(image, boxes, names=None):
    """Returns a copy of an image (H, W, 3), uint8 BGR, with the boxes on it, the best on top.

    Args:
        image: the image.
        boxes: `detector.Box`es, best first.
        names: {label: name}, or None for the numbers.
    """
    import cv2

    drawn = np.ascontiguousarray(image).copy()
    height, width = drawn.shape[:2]
    line = max(1, round(min(height, width) / 250))
    size = max(0.35, min(height, width) / 900)
    for box in reversed(boxes):
        left, top = round(np.clip(box.xmin, 0, width - 1)), round(np.clip(box.ymin, 0, height - 1))
        right, bottom = round(np.clip(box.xmax, 0, width - 1)), round(np.clip(box.ymax, 0, height - 1))
        cv2.rectangle(drawn, (left, top), (right, bottom), colour(box.label), line, cv2.LINE_AA)
        text = f"{(names or {}).get(box.label, box.label)} {box.score:.2f}"
        (wide, high), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, line)
        above = top - high - base >= 0
        y = top if above else min(top + high + base, height - 1)
        x = max(0, min(left, width - wide - 1))
        cv2.rectangle(drawn, (x, y - high - base), (x + wide, y), colour(box.label), cv2.FILLED)
        cv2.putText(drawn, text, (x, y - base // 2), cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), line, cv2.LINE_AA)
    return drawn
