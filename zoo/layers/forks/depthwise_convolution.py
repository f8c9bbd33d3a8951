"""Convolutions that filter each channel by itself, as two forks spell them."""

import copy

from zoo.layers.base.registry import layer_type
from zoo.layers.base.window_convolution import WindowConvolution


@layer_type("DepthwiseConvolution", source="yonghenglh6/DepthwiseConvolution@master depthwise_conv_layer.cpp:8-75")
class DepthwiseConvolution(WindowConvolution):
    """Convolution whose group is the number of channels; num_output may be a multiple of it.

    Bottoms (N,C,H,W) -> as many tops (N,num_output,H',W'). Blobs: weight (num_output,1,kernel...), bias (num_output).
    """

    def top_shapes(self, bottoms):
        """Convolution's. Raises NetError for a group other than the channels."""
        shapes = super().top_shapes(bottoms)
        channels = bottoms[0][self.window.axis(bottoms[0])]
        if self.group != channels:
            what = "DepthwiseConvolution has a group for each channel"
            raise self.error(what, "convolution_param.group", got=self.group, want=channels)
        return shapes


@layer_type("ConvolutionDepthwise", source="sp2823/caffe@convolution-depthwise conv_dw_layer.cpp:8-190")
class ConvolutionDepthwise(WindowConvolution):
    """Convolution of each channel by a filter of its own, whatever group and num_output say: the fork reads neither.

    Bottom (N,C,H,W) -> top (N,C,H',W'), sizes as Convolution's, but a kernel must fit into the padded bottom. Blobs:
    weight (C,1,kh,kw), bias (C).
    """

    bottom_count = 1
    top_count = 1
    counts_outputs = False

    def read(self, p):
        """Takes convolution_param. Raises NetError for an axis, which the fork does not have."""
        super().read(p)
        if p.axis != 1:
            raise p.error("ConvolutionDepthwise has its channels along axis 1", "axis", got=p.axis, want=1)

    def _spatial(self, size, window):
        """The fork's numbers are unsigned: of a difference below 0 it makes a size that no memory holds."""
        return super()._spatial(size, window) if size + 2 * window.pad >= window.extent else 0

    def _with(self, bottoms):
        """Returns the layer as a Convolution with a group and an output for each channel."""
        if len(bottoms[0]) != 4:
            raise self.error("ConvolutionDepthwise takes (N,C,H,W)", "bottom", got=bottoms[0], want="4 axes")
        one = copy.copy(self)
        one.num_output = one.group = bottoms[0][1]
        return one

    def top_shapes(self, bottoms):
        """Convolution's, with as many channels as the bottom has."""
        return WindowConvolution.top_shapes(self._with(bottoms), bottoms)

    def blobs(self, bottoms):
        """Weight and, with bias_term, bias."""
        return WindowConvolution.blobs(self._with(bottoms), bottoms)

    def build(self, site):
        """As Convolution."""
        return WindowConvolution.build(self._with(site.bottoms), site)
