"""Convolution and its relatives: Deconvolution and Im2col."""

import math

import numpy as np

from zoo.export.onnx.registry import writer
from zoo.layers.base.geometry import conv_size, cover

MOST_PICKS = 2**26


@writer("Convolution", "DepthwiseConvolution")
def convolution(site):
    """Conv, for every bottom by the same weights."""
    return _convolution(site, site.kind.group)


@writer("ConvolutionDepthwise")
def convolution_depthwise(site):
    """Conv with a group for each channel, whatever the file says."""
    return _convolution(site, site.bottoms[0][1])


def _convolution(site, group):
    kind, (shape, *_) = site.kind, site.bottoms
    axis, windows = kind.window.axis(shape), kind.window.windows(shape)
    weight_shape = site.array(0).shape
    if not windows:
        weight_shape = (*weight_shape, 1)
    weight, bias = site.blob(0, weight_shape), site.blob(1) if kind.bias_term else ""
    tops = []
    for x in site.inputs:
        x = _enter(site, x, axis, bool(windows))
        y = _conv(site, x, weight, bias, group, windows, shape[axis + 1 :], weight_shape[2:])
        tops.append(_leave(site, y, axis, bool(windows)))
    return tuple(tops)


@writer("Deconvolution")
def deconvolution(site):
    """ConvTranspose, for every bottom by the same weights."""
    kind, (shape, *_) = site.kind, site.bottoms
    axis, windows = kind.window.axis(shape), kind.window.windows(shape)
    weight, bias = site.blob(0), site.blob(1) if kind.bias_term else ""
    tops = []
    for x in site.inputs:
        y = site.op(
            "ConvTranspose",
            _enter(site, x, axis),
            weight,
            bias,
            group=kind.group,
            kernel_shape=[window.kernel for window in windows],
            strides=[window.stride for window in windows],
            dilations=[window.dilation for window in windows],
            pads=[window.pad for window in windows] * 2,
        )
        tops.append(_leave(site, y, axis))
    return tuple(tops)


@writer("Im2col")
def im2col(site):
    """A Conv of each channel alone, whose filters pick one value of the window each."""
    (shape,), (top,) = site.bottoms, site.tops
    axis, windows = site.kind.window.axis(shape), site.kind.window.windows(shape)
    kernel = [window.kernel for window in windows]
    places, channels = math.prod(kernel), shape[axis]
    if channels * places**2 > MOST_PICKS:
        raise site.refuse(f"its window of {places} values would need {channels * places**2} filter values")
    picks = np.tile(np.eye(places), (channels, 1)).reshape(top[axis], 1, *kernel)
    x = _enter(site, site.inputs[0], axis)
    y = _conv(site, x, site.constant(picks, "picks"), "", channels, windows, shape[axis + 1 :], kernel)
    return _leave(site, y, axis)


def _conv(site, x, weight, bias, group, windows, sizes, kernel):
    """Returns Conv of x (M, C, spatial...).

    A kernel that misses its padded input by less than one stride has zeros behind. One of a single value whose input
    is padded has it padded before: OpenCV 5.0 overlooks that padding.
    """
    pads = [(window.pad, window.pad) for window in windows]
    for i, (size, window) in enumerate(zip(sizes, windows)):
        if size + 2 * window.pad < window.extent:
            pads[i] = cover(size, window, conv_size(size, window))
    before, after = [pad[0] for pad in pads] or [0], [pad[1] for pad in pads] or [0]
    if set(kernel) == {1} and any(before):
        x = site.op("Pad", x, site.ints(0, 0, *before, 0, 0, *after))
        before = after = [0] * len(before)
    return site.op(
        "Conv",
        x,
        weight,
        bias,
        group=group,
        kernel_shape=list(kernel),
        strides=[window.stride for window in windows] or [1],
        dilations=[window.dilation for window in windows] or [1],
        pads=before + after,
    )


def _enter(site, x, axis, spatial=True):
    """Returns x as (M, C, spatial...), where `axis` is C and the axes before it make M."""
    shape = site.bottoms[0]
    if axis == 1 and spatial:
        return x
    return site.op("Reshape", x, site.ints(-1, *shape[axis:], *[] if spatial else [1]))


def _leave(site, y, axis, spatial=True):
    """Returns a value of `_enter`'s axes in the top's shape."""
    return y if axis == 1 and spatial else site.reshape(y, site.tops[0])
