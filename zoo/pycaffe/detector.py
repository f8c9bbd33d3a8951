"""Detector: a net that classifies windows of images, with or without their surroundings (R-CNN)."""

import numpy as np

from zoo.errors import DataError, UnsupportedError
from zoo.pycaffe.classifier import ImageNet
from zoo.pycaffe.errors import also
from zoo.pycaffe.images import load_image, resize_image


class Detector(ImageNet):
    """Classifies windows.

    Args:
        model_file, pretrained_file: paths of the prototxt and the weights.
        mean, input_scale, raw_scale, channel_swap: as the `Transformer`'s setters take them; None for none.
        context_pad: width in pixels of the input's border that shows what surrounds the window; None or 0 for none.
    """

    def __init__(
        self,
        model_file,
        pretrained_file,
        mean=None,
        input_scale=None,
        raw_scale=None,
        channel_swap=None,
        context_pad=None,
    ):
        super().__init__(model_file, pretrained_file, mean, input_scale, raw_scale, channel_swap)
        self.configure_crop(context_pad)

    def detect_windows(self, images_windows):
        """Classifies windows of images.

        Args:
            images_windows: pairs (file name, list of windows (ymin, xmin, ymax, xmax)).

        Returns:
            A list of {"filename", "window", "prediction"}, a window each.
        """
        found, crops = [], []
        for filename, windows in images_windows:
            image = load_image(filename)
            for window in windows:
                crops.append(self.crop(image, np.asarray(window)))
                found.append({"window": window, "filename": filename})
        if not found:
            return []
        for detection, prediction in zip(found, self.run(crops)):
            detection["prediction"] = prediction
        return found

    def detect_selective_search(self, image_fnames):
        """Is not there: the proposals come from a MATLAB program. Raises UnsupportedError."""
        hint = "give windows to detect_windows"
        raise also(UnsupportedError, ImportError)("selective search is a MATLAB program", hint=hint)

    def configure_crop(self, context_pad):
        """Sets the border; makes the colour that fills it beyond an image's edge: the mean, before its preparation."""
        name = self.inputs[0]
        transformer = self.transformer
        channels, height, width = self.blobs[name].shape[1:]
        self.crop_dims, self.context_pad = np.array((height, width, channels)), context_pad
        self.crop_mean = np.zeros(self.crop_dims, np.float32)
        if context_pad and name in transformer.mean:
            mean = transformer.mean[name].transpose(1, 2, 0)
            if name in transformer.channel_swap:
                mean = mean[:, :, np.argsort(transformer.channel_swap[name])]
            self.crop_mean = self.crop_mean + mean / transformer.raw_scale.get(name, 1)

    def crop(self, im, window):
        """Returns the window (ymin, xmin, ymax, xmax) of image `im` (H, W, K), with its surroundings as configured.

        Raises:
            DataError: the window has no pixel of the image.
        """
        top, left, bottom, right = (int(edge) for edge in window)
        if not self.context_pad:
            return self._slice(im, top, left, bottom, right)
        size = self.crop_dims[1]  # of a square input
        scale = size / (size - 2.0 * self.context_pad)
        half = np.array(((bottom - top + 1) / 2.0, (right - left + 1) / 2.0))
        centre = np.array((top, left)) + half
        box = np.round(np.concatenate((centre - scale * half, centre + scale * half)))
        per_pixel = size / (box[2:] - box[:2] + 1)
        before = np.round(np.maximum(0, -box[:2]) * per_pixel).astype(int)
        box = np.clip(box, 0, np.tile(im.shape[:2], 2))
        inside = np.round((box[2:] - box[:2] + 1) * per_pixel).astype(int)
        inside = np.minimum(inside, size - before)
        piece = resize_image(self._slice(im, *box.astype(int)), inside)
        crop = np.array(self.crop_mean, np.float32)
        crop[before[0] : before[0] + inside[0], before[1] : before[1] + inside[1]] = piece
        return crop

    def _slice(self, im, top, left, bottom, right):
        piece = im[max(top, 0) : bottom, max(left, 0) : right]
        if not piece.size:
            raise also(DataError, AssertionError)(
                "a window without a pixel of the image", got=(top, left, bottom, right), want=im.shape[:2]
            )
        return piece
