"""Tiles with a line of text under each."""

import numpy as np

from zoo.formats import image_file

HEIGHT = 14  # of the line
_SCALE = 0.38
GOOD, BAD, PLAIN = (0.0, 0.42, 0.1), (0.75, 0.05, 0.05), (0.1, 0.1, 0.1)


def captioned(tiles, texts, colours=None):
    """Returns tiles (N, h + HEIGHT, w, 3) float32: each with its text on white under it.

    Args:
        tiles: (N, h, w, 1 or 3) in 0..1.
        texts: a str for each; what is too long for its tile ends in "..", and what is not ASCII becomes "?".
        colours: (R, G, B) in 0..1 of each text; None writes them dark.
    """
    cv2 = image_file.opencv()
    tiles = np.asarray(tiles, np.float32)
    count, height, width, channels = tiles.shape
    found = np.ones((count, height + HEIGHT, width, 3), np.float32)
    found[:, :height] = tiles if channels == 3 else tiles.repeat(3, axis=3)
    for index, text in enumerate(texts):
        line = np.full((HEIGHT, width, 3), 255, np.uint8)
        text = fitting(text.encode("ascii", "replace").decode(), width)
        colour = [round(255 * part) for part in (colours[index] if colours is not None else PLAIN)]
        cv2.putText(line, text, (1, HEIGHT - 4), cv2.FONT_HERSHEY_SIMPLEX, _SCALE, colour, 1, cv2.LINE_AA)
        found[index, height:] = line / np.float32(255)
    return found


def fitting(text, width):
    """Returns `text`, cut to what fits into `width` pixels; a cut text ends in ".."."""
    if _width(text) <= width:
        return text
    while text and _width(text + "..") > width:
        text = text[:-1]
    return text + ".."


def _width(text):
    cv2 = image_file.opencv()
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, _SCALE, 1)[0][0] + 2
