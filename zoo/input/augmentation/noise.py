"""noise_param: what is done to each image after it is resized, by OpenCV as in SSD (im_transforms.cpp:424-549)."""

import numpy as np

_REDUCED = (np.arange(256) // 64 * 64 + 32).astype(np.uint8)


def make_noise(rng, image, p):
    """Returns an image (H, W, C), uint8 BGR or gray, with what a NoiseParameter asks for done to it, in SSD's order.

    Only saltpepper draws: `fraction` of the pixels, some of them twice. `prob` is not read, as in SSD.
    """
    import cv2

    shape, image = image.shape, np.ascontiguousarray(image[:, :, 0] if image.shape[2] == 1 else image)
    if p.decolorize:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if p.gauss_blur:
        image = cv2.GaussianBlur(image, (7, 7), 1.5)
    if p.hist_eq:
        image = _of_luminance(image, cv2.equalizeHist)
    if p.clahe:
        image = _of_luminance(image, cv2.createCLAHE(clipLimit=4).apply)
    if p.jpeg > 0:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(p.jpeg)])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if p.erode:
        image = cv2.erode(image, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3), (1, 1)))
    if p.posterize:
        image = _REDUCED[image]
    if p.inverse:
        image = ~image
    image = image.reshape(shape).copy()
    if p.saltpepper:
        height, width = shape[:2]
        number = int(np.float32(p.saltpepper_param.fraction) * np.float32(width) * np.float32(height))
        rows, columns = rng.integers(height, size=number), rng.integers(width, size=number)
        image[rows, columns] = [int(value) for value in p.saltpepper_param.value]
    return cv2.cvtColor(image, cv2.COLOR_BGR2HSV) if p.convert_to_hsv else image


def _of_luminance(image, change):
    """Returns an image whose luminance, or a gray one that is, `change` has been applied to."""
    import cv2

    if image.ndim == 2:
        return change(image)
    planes = list(cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)))
    planes[0] = change(planes[0])
    return cv2.cvtColor(cv2.merge(planes), cv2.COLOR_YCrCb2BGR)
