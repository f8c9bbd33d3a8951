"""Classifier: a net that classifies images, with the preparation they need."""

import numpy as np

from zoo.errors import DataError
from zoo.formats.caffe_pb2 import TEST
from zoo.pycaffe.errors import also
from zoo.pycaffe.images import centre_crop, oversample, resize_image
from zoo.pycaffe.net import Net
from zoo.pycaffe.transformer import Transformer


class ImageNet(Net):
    """A TEST net whose first input takes images (H, W, K), and the `transformer` for them.

    Args:
        model_file, pretrained_file: paths of the prototxt and the weights.
        mean, input_scale, raw_scale, channel_swap: as the `Transformer`'s setters take them; None for none.
    """

    def __init__(self, model_file, pretrained_file, mean=None, input_scale=None, raw_scale=None, channel_swap=None):
        super().__init__(model_file, TEST, weights=pretrained_file)
        self._prepare(mean, input_scale, raw_scale, channel_swap)

    def _prepare(self, mean, input_scale, raw_scale, channel_swap):
        """Makes the `transformer`; its arguments are the constructor's."""
        if not self.inputs:
            raise also(DataError, IndexError)(
                "the net has no input for images", want="a deploy net, whose data come from Input"
            )
        name = self.inputs[0]
        self.transformer = Transformer({name: self.blobs[name].shape})
        self.transformer.set_transpose(name, (2, 0, 1))
        for given, setter in (
            (mean, self.transformer.set_mean),
            (input_scale, self.transformer.set_input_scale),
            (raw_scale, self.transformer.set_raw_scale),
            (channel_swap, self.transformer.set_channel_swap),
        ):
            if given is not None:
                setter(name, given)

    def run(self, pictures):
        """Returns the first output for a list of images of any size."""
        name = self.inputs[0]
        batch = np.stack([self.transformer.preprocess(name, picture) for picture in pictures])
        return self.forward_all(**{name: batch})[self.outputs[0]]


class Classifier(ImageNet):
    """Classifies whole images.

    Args:
        model_file, pretrained_file: paths of the prototxt and the weights.
        image_dims: (height, width) that images are brought to before crops are taken; by default the input's.
        mean, input_scale, raw_scale, channel_swap: as the `Transformer`'s setters take them; None for none.
    """

    def __init__(
        self,
        model_file,
        pretrained_file,
        image_dims=None,
        mean=None,
        input_scale=None,
        raw_scale=None,
        channel_swap=None,
    ):
        super().__init__(model_file, pretrained_file, mean, input_scale, raw_scale, channel_swap)
        self._crop(image_dims)

    @classmethod
    def of(cls, definition, weights, image_dims=None, mean=None, input_scale=None, raw_scale=None, channel_swap=None):
        """Returns a classifier of a `NetDef` and any number of weights files; otherwise as the constructor."""
        net = cls._of(definition)
        for path in weights:
            net.copy_from(path)
        net._prepare(mean, input_scale, raw_scale, channel_swap)
        net._crop(image_dims)
        return net

    def _crop(self, image_dims):
        self.crop_dims = np.array(self.blobs[self.inputs[0]].shape[2:])
        self.image_dims = self.crop_dims if image_dims is None else image_dims

    def predict(self, inputs, oversample=True):
        """Returns class probabilities (N, classes) of images.

        Args:
            inputs: list of images (H, W, K).
            oversample: True to average over four corners, the centre and their mirror images; False for the centre.
        """
        if not len(inputs):
            raise also(DataError, IndexError)("no image to classify")
        resized = [resize_image(picture, self.image_dims) for picture in inputs]
        if oversample:
            predictions = self.run(_oversample(resized, self.crop_dims))
            return predictions.reshape(len(inputs), 10, -1).mean(1)
        return self.run(self._centres(resized))

    def features(self, inputs, blobs):
        """Returns {blob: array} of the centres of images, for the named `blobs` of the net."""
        name = self.inputs[0]
        centres = self._centres([resize_image(picture, self.image_dims) for picture in inputs])
        batch = np.stack([self.transformer.preprocess(name, picture) for picture in centres])
        found = self.forward_all(blobs=blobs, **{name: batch})
        return {blob: found[blob] for blob in blobs}

    def _centres(self, images):
        height, width = self.crop_dims
        top, left = centre_crop(images[0].shape, self.crop_dims)
        return [picture[top : top + height, left : left + width] for picture in images]


_oversample = oversample  # which the argument of `predict` hides
