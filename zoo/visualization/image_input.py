"""A net's input of images: from images to what the net is fed, and from what it is fed back to images to look at."""

import numpy as np

from zoo.pycaffe.config_classifier import prepared
from zoo.pycaffe.images import centre_crop, load_image, resize_image
from zoo.pycaffe.transformer import Transformer


class ImageInput:
    """How one input takes images. Images are (H, W, 1 or 3) in 0..1, R, G, B; what is fed is (N, H, W, C).

    Args:
        conversion: the `Conversion` of the net to deploy.
        preparation: the `Preparation`: what the flags say of mean, scale, channels and sizes.

    Attributes:
        name: of the input.
        shape: its Caffe shape.

    Raises:
        ZooError: the net takes no images, or its mean file is not there.
    """

    def __init__(self, conversion, preparation):
        self.name, self.shape, self._dims, setters = prepared(conversion, preparation)
        self._mean, self._scale, self._raw, self._swap = setters
        self._made = {}

    @property
    def colour(self):
        """Whether the net wants three channels."""
        return self.shape[1] == 3

    def load(self, path, size=None):
        """Returns an image file as the net sees it: brought to the size that images have, and the middle of it.

        Args:
            path: the file.
            size: (height, width) in place of the input's: the whole image is brought to it.
        """
        image = load_image(path, self.colour)
        if size is not None:
            return resize_image(image, size)
        image, crop = resize_image(image, self._dims), self.shape[2:]
        top, left = centre_crop(image.shape, crop)
        return image[top : top + crop[0], left : left + crop[1]]

    def feed(self, images):
        """Returns float32 (N, H, W, C), what the net is fed for images of one size."""
        made = self._transformer(np.shape(images[0])[:2])
        return np.stack([made.preprocess(self.name, image).transpose(1, 2, 0) for image in images])

    def images(self, fed):
        """Returns the images (N, H, W, 1 or 3) that `fed` comes from; values that no image has are cut to 0..1."""
        fed = np.asarray(fed, np.float32)
        values = fed / np.float32(1 if self._scale is None else self._scale) + self._mean_of(fed.shape[1:3])
        return np.clip((values[..., ::-1] if self._swap else values) / self._raw, 0, 1)

    def bounds(self, size):
        """Returns (least, largest) of what can be fed at a size (H, W), arrays that stretch over (N, H, W, C)."""
        low, high = (self.feed([np.full((*size, self.shape[1]), value)]) for value in (0.0, 1.0))
        return np.minimum(low, high), np.maximum(low, high)

    def contrast(self, derivative):
        """Returns derivatives for what is fed, (N, H, W, C), with the channels as images have them."""
        derivative = np.asarray(derivative, np.float32)
        return derivative[..., ::-1] if self._swap else derivative

    @property
    def range(self):
        """How far apart black and white are in what is fed."""
        return self._raw * abs(1 if self._scale is None else self._scale)

    def _mean_of(self, size):
        made = self._transformer(size)
        mean = made.mean.get(self.name)
        return np.float32(0) if mean is None else mean.transpose(1, 2, 0).astype(np.float32)

    def _transformer(self, size):
        size = tuple(size)
        if size not in self._made:
            made = Transformer({self.name: (1, self.shape[1], *size)})
            made.set_transpose(self.name, (2, 0, 1))
            for given, setter in (
                (self._mean, made.set_mean),
                (self._scale, made.set_input_scale),
                (self._raw, made.set_raw_scale),
                (self._swap, made.set_channel_swap),
            ):
                if given is not None:
                    setter(self.name, given)
            self._made[size] = made
        return self._made[size]
