"""distort_param: brightness, contrast, saturation, hue and the order of the channels (im_transforms.cpp:551-740)."""

import numpy as np


def distort(rng, image, p):
    """Returns a distorted copy of an image (H, W, 3), uint8 BGR.

    Contrast comes right after brightness in half of the cases, else after hue.

    Args:
        rng: a NumPy random generator.
        image: the image.
        p: a DistortionParameter.
    """
    early = rng.uniform() > 0.5
    image = _brightness(rng, image, p)
    if early:
        image = _contrast(rng, image, p)
    image = _saturation(rng, image, p)
    image = _hue(rng, image, p)
    if not early:
        image = _contrast(rng, image, p)
    if rng.uniform() < p.random_order_prob:
        image = np.ascontiguousarray(image[:, :, rng.permutation(3)])
    return image


def linear(values, factor=1.0, shift=0.0):
    """Returns uint8 values times a factor plus a shift, rounded and cut to 0-255 as OpenCV's convertTo does."""
    return np.clip(np.rint(values.astype(np.float32) * np.float32(factor) + np.float32(shift)), 0, 255).astype(np.uint8)


def _brightness(rng, image, p):
    if rng.uniform() >= p.brightness_prob:
        return image
    return linear(image, shift=rng.uniform(-p.brightness_delta, p.brightness_delta))


def _contrast(rng, image, p):
    if rng.uniform() >= p.contrast_prob:
        return image
    return linear(image, factor=rng.uniform(p.contrast_lower, p.contrast_upper))


def _saturation(rng, image, p):
    if rng.uniform() >= p.saturation_prob:
        return image
    return _in_hsv(image, 1, factor=rng.uniform(p.saturation_lower, p.saturation_upper))


def _hue(rng, image, p):
    if rng.uniform() >= p.hue_prob:
        return image
    return _in_hsv(image, 0, shift=rng.uniform(-p.hue_delta, p.hue_delta))


def _in_hsv(image, channel, **change):
    import cv2

    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    hsv[:, :, channel] = linear(hsv[:, :, channel], **change)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)
