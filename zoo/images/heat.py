"""Maps of numbers -> colours, alone or over an image."""

import numpy as np

from zoo.formats import image_file
from zoo.images import scaling

HEAT = "inferno"  # from nothing, black, to much, light yellow
SIGNED = "coolwarm"  # blue below zero, light grey at zero, red above
CLASSES = "tab10"  # ten colours that are told apart


def colours(values, name=HEAT):
    """Returns the colours of `values` (...,) in 0..1 as float32 (..., 3), R, G, B.

    Args:
        values: an array of any shape; `zoo.images.scaling` brings values to 0..1.
        name: a colour map of Matplotlib's.
    """
    import matplotlib

    return matplotlib.colormaps[name](np.asarray(values, np.float32))[..., :3].astype(np.float32)


def over(image, values, strength=0.6, name="turbo", shade=scaling.together):
    """Returns an image with a map over it, float32 (H, W, 3) in 0..1.

    Args:
        image: (H, W, 1 or 3) in 0..1; it is shown in grey, so that all colour is the map's.
        values: (h, w), any range, smoothly brought to the image's size.
        strength: of the map, 0 (unseen) to 1 (the image unseen).
        name: a colour map of Matplotlib's.
        shade: what brings `values` to 0..1: by default the least is 0 and the largest 1.
    """
    image = np.asarray(image, np.float32)
    grey = image.mean(axis=2, keepdims=True)
    cv2 = image_file.opencv()
    smooth = cv2.resize(shade(values), image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return (1 - strength) * grey + strength * colours(np.clip(smooth, 0, 1), name)
