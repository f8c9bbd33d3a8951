"""Transformer: images (H, W, K) into a net's input (K, H, W), and back."""

import numpy as np

from zoo.errors import NetError
from zoo.pycaffe.errors import also
from zoo.pycaffe.images import resize_image


class Transformer:
    """Says, for each input, how an image becomes it.

    In this order: resized to the input's height and width; axes transposed; channels swapped; times `raw_scale`; minus
    the mean; times `input_scale`. What is not set is left out.

    Args:
        inputs: {input name: shape (N, K, H, W)}.
    """

    def __init__(self, inputs):
        self.inputs = {name: tuple(shape) for name, shape in inputs.items()}
        self.transpose, self.channel_swap, self.raw_scale, self.mean, self.input_scale = {}, {}, {}, {}, {}

    def _check(self, in_):
        if in_ not in self.inputs:
            raise NetError(f'"{in_}" is no input', want=" or ".join(self.inputs))

    def preprocess(self, in_, data):
        """Returns the float32 input (K, H, W) of `data`, an image (H', W', K) that is left as it is."""
        self._check(in_)
        x = np.array(data, np.float32)
        if x.shape[:2] != self.inputs[in_][2:]:
            x = resize_image(x, self.inputs[in_][2:])
        if in_ in self.transpose:
            x = x.transpose(self.transpose[in_])
        if in_ in self.channel_swap:
            x = x[np.asarray(self.channel_swap[in_])]
        if in_ in self.raw_scale:
            x = x * np.float32(self.raw_scale[in_])
        if in_ in self.mean:
            x = (x - self.mean[in_]).astype(np.float32)
        if in_ in self.input_scale:
            x = x * np.float32(self.input_scale[in_])
        return x

    def deprocess(self, in_, data):
        """Returns the float32 image (H, W, K) of the input's size that `data`, (K, H, W) or (1, K, H, W), came from."""
        self._check(in_)
        x = np.array(data, np.float32).squeeze()
        if in_ in self.input_scale:
            x = x / np.float32(self.input_scale[in_])
        if in_ in self.mean:
            x = (x + self.mean[in_]).astype(np.float32)
        if in_ in self.raw_scale:
            x = x / np.float32(self.raw_scale[in_])
        if in_ in self.channel_swap:
            x = x[np.argsort(self.channel_swap[in_])]
        if in_ in self.transpose:
            x = x.transpose(np.argsort(self.transpose[in_]))
        return x

    def set_transpose(self, in_, order):
        """Sets the order of axes: (2, 0, 1) makes (K, H, W) of (H, W, K)."""
        self._check(in_)
        if sorted(order) != list(range(len(self.inputs[in_]) - 1)):
            want = f"each of 0..{len(self.inputs[in_]) - 2} once"
            raise NetError("order of axes does not fit the input", got=tuple(order), want=want)
        self.transpose[in_] = tuple(order)

    def set_channel_swap(self, in_, order):
        """Sets the order of channels, counted after the transpose: (2, 1, 0) makes BGR of RGB."""
        self._check(in_)
        if sorted(order) != list(range(self.inputs[in_][1])):
            want = f"each of 0..{self.inputs[in_][1] - 1} once"
            raise NetError("order of channels does not fit the input", got=tuple(order), want=want)
        self.channel_swap[in_] = tuple(order)

    def set_raw_scale(self, in_, scale):
        """Sets the factor before the mean: 255 for nets trained on 0..255."""
        self._check(in_)
        self.raw_scale[in_] = scale

    def set_mean(self, in_, mean):
        """Sets what is subtracted: an array (K,), (H, W) or (K, H, W); an image of another size is resized.

        Raises:
            NetError: another shape.
        """
        self._check(in_)
        mean, shape = np.asarray(mean), self.inputs[in_][1:]
        if mean.ndim == 1:
            if len(mean) != shape[0]:
                raise also(NetError, ValueError)("mean does not fit the channels", got=len(mean), want=shape[0])
            mean = mean[:, np.newaxis, np.newaxis]
        else:
            mean = mean[np.newaxis] if mean.ndim == 2 else mean
            if mean.ndim != 3 or mean.shape[0] not in (1, shape[0]):
                raise also(NetError, ValueError)("mean does not fit the input", got=mean.shape, want=shape)
            if mean.shape[1:] != shape[1:]:
                mean = resize_image(mean.transpose(1, 2, 0), shape[1:]).transpose(2, 0, 1)
        self.mean[in_] = mean

    def set_input_scale(self, in_, scale):
        """Sets the factor after the mean."""
        self._check(in_)
        self.input_scale[in_] = scale
