"""Convolution."""

from zoo.layers.base.registry import layer_type
from zoo.layers.base.window_convolution import WindowConvolution


@layer_type("Convolution", source="base_conv_layer.cpp:12-255, conv_layer.cpp:8-40")
class Convolution(WindowConvolution):
    """out = (in + 2p - (d(k-1)+1)) / s + 1, rounded toward zero, as `WindowConvolution` says."""
