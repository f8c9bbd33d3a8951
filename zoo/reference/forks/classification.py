"""Axpy, ShuffleChannel, and the convolutions that filter each channel by itself."""

import numpy as np

from zoo.reference import vision
from zoo.reference.layer import Layer


def axpy(layer, a, x, b):
    """One factor for each plane (axpy_layer.cpp:32-48 at hujie-frank/SENet)."""
    factors = a.reshape(x.shape[:2])
    return np.stack([[f * plane for f, plane in zip(*item)] for item in zip(factors, x)]) + b


def shuffle_channel(layer, x):
    """Channel i k + j goes to j group + i (shuffle_channel_layer.cpp:20-36 at farmingyard/ShuffleNet)."""
    x = x.reshape((*x.shape, 1, 1)[:4])
    group = layer.message.shuffle_channel_param.group
    top, per = np.empty_like(x), x.shape[1] // group
    for i, j in np.ndindex(group, per):
        top[:, j * group + i] = x[:, i * per + j]
    return top


def convolution_depthwise(layer, x):
    """Each channel by itself, whatever group and num_output say (conv_dw_layer.cpp:120-190 at sp2823/caffe)."""
    message = type(layer.message)()
    message.CopyFrom(layer.message)
    message.convolution_param.group = message.convolution_param.num_output = x.shape[1]
    return vision.convolution(Layer(message, layer.phase, layer.blobs), x)


LAYERS = {
    "Axpy": axpy,
    "ConvolutionDepthwise": convolution_depthwise,
    "DepthwiseConvolution": vision.convolution,
    "ShuffleChannel": shuffle_channel,
}
