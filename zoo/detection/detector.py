"""Runs a net whose output are SSD's rows (image, label, score, xmin, ymin, xmax, ymax) on images."""

import os
from dataclasses import dataclass

import numpy as np

from zoo.errors import DataError, NetError, Place
from zoo.formats import image_file

COLUMNS = 7


@dataclass(frozen=True)
class Box:
    """One detection; its corners are in pixels of the image, and may lie beyond its edges."""

    label: int
    score: float
    xmin: float
    ymin: float
    xmax: float
    ymax: float


class Detector:
    """A net, and how images are brought to its input.

    Args:
        net: a `zoo.pycaffe` Net with one image input (1, C, H, W).
        mean: one value, or one a channel, in the order of the net's channels.
        scale: what the difference is multiplied by.
        rgb: whether the net wants RGB; Caffe's nets want BGR.

    Raises:
        NetError: no such input, or no output of such rows.
    """

    def __init__(self, net, mean=(), scale=1.0, rgb=False):
        self.net, self.scale, self.rgb = net, np.float32(scale), rgb
        images = [name for name in net.inputs if len(net.blobs[name].shape) == 4 and net.blobs[name].shape[1] in (1, 3)]
        if len(net.inputs) != 1 or not images:
            shapes = ", ".join(f"{name} {tuple(net.blobs[name].shape)}" for name in net.inputs)
            raise NetError("detection needs one input of images", got=shapes or "no input", want="(1, 3, H, W)")
        self.input = images[0]
        _, self.channels, self.height, self.width = net.blobs[self.input].shape
        rows = [name for name in net.outputs if tuple(net.blobs[name].shape)[-1:] == (COLUMNS,)]
        if len(rows) != 1:
            shapes = ", ".join(f"{name} {tuple(net.blobs[name].shape)}" for name in net.outputs)
            want = "one output (1, 1, N, 7): image, label, score, xmin, ymin, xmax, ymax, as of DetectionOutput"
            raise NetError("the net gives no detections", got=shapes, want=want)
        self.output = rows[0]
        self.mean = np.asarray(mean, np.float32)
        if self.mean.size not in (0, 1, self.channels):
            raise NetError("wrong number of mean values", got=self.mean.size, want=f"1 or {self.channels}")
        net.blobs[self.input].reshape(1, self.channels, self.height, self.width)

    def blob(self, image):
        """Returns the input (1, C, H, W) for an image (H', W', 3), uint8 BGR; resized as SSD resizes, bilinear."""
        import cv2

        if self.channels == 1:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[:, :, None]
        elif self.rgb:
            image = image[:, :, ::-1]
        resized = cv2.resize(np.ascontiguousarray(image), (self.width, self.height)).astype(np.float32)
        resized = resized.reshape(self.height, self.width, self.channels)
        resized = (resized - self.mean if self.mean.size else resized) * self.scale
        return resized.transpose(2, 0, 1)[np.newaxis]

    def __call__(self, image, threshold=0.0):
        """Returns the `Box`es of an image (H', W', 3), uint8 BGR, whose score is at least `threshold`, best first."""
        rows = self.net.forward(**{self.input: self.blob(image)})[self.output].reshape(-1, COLUMNS)
        height, width = image.shape[:2]
        found = [
            Box(int(label), float(score), xmin * width, ymin * height, xmax * width, ymax * height)
            for _, label, score, xmin, ymin, xmax, ymax in rows.tolist()
            if label >= 0 and score >= threshold
        ]
        return sorted(found, key=lambda box: -box.score)


def read_image(path):
    """Returns the pixels of an image file, (H, W, 3) uint8 BGR.

    Raises:
        DataError: no such file, or no image.
    """
    at = Place(os.fspath(path))
    try:
        data = image_file.read(path)
    except OSError as error:
        raise DataError("cannot read the image", at=at, got=error.strerror) from None
    return image_file.decode(data, image_file.opencv().IMREAD_COLOR, at)
