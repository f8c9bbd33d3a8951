"""Axpy, ShuffleChannel, and the convolutions that filter each channel by itself."""

from tests.layers.cases.case import Case, normal

X = {"x": normal(2, 6, 7, 8)}


def convolution(type_, name, body, inputs=X, **more):
    return Case(type_, name, inputs, f"convolution_param {{ {body} }}", **more)


def depthwise(name, body, inputs=X, **more):
    return convolution("DepthwiseConvolution", name, body, inputs, **more)


def by_channel(name, body, inputs=X, **more):
    return convolution("ConvolutionDepthwise", name, body, inputs, **more)


def axpy(name, *shapes):
    return Case("Axpy", name, {what: normal(*shape) for what, shape in zip("axb", shapes)})


CASES = [
    axpy("planes", (2, 3, 1, 1), (2, 3, 4, 5), (2, 3, 4, 5)),
    axpy("rows-for-planes", (2, 3), (2, 3, 4, 5), (2, 3, 4, 5)),
    axpy("one-channel", (2, 1, 1, 1), (2, 1, 4, 5), (2, 1, 4, 5)),
    axpy("rows", (4, 3), (4, 3), (4, 3)),
    axpy("lines-of-factors", (2, 4, 1), (2, 4, 4), (2, 4, 4)),
    axpy("lines", (2, 4), (2, 4, 4), (2, 4, 4)),
    axpy("volumes", (2, 3), (2, 3, 2, 4, 3), (2, 3, 2, 4, 3)),
    Case("ShuffleChannel", "groups", X, "shuffle_channel_param { group: 3 }"),
    Case("ShuffleChannel", "one", X),
    Case("ShuffleChannel", "rows", {"x": normal(3, 6)}, "shuffle_channel_param { group: 2 }"),
    Case("ShuffleChannel", "three-axes", {"x": normal(2, 6, 4)}, "shuffle_channel_param { group: 3 }"),
    Case("ShuffleChannel", "channels", X, "shuffle_channel_param { group: 6 }"),
    depthwise("each", "num_output: 6 group: 6 kernel_size: 3 pad: 1"),
    depthwise("two-each", "num_output: 12 group: 6 kernel_size: 3 stride: 2 bias_term: false"),
    depthwise("uneven-strides", "num_output: 6 group: 6 kernel_h: 3 kernel_w: 2 stride_h: 1 stride_w: 2"),
    depthwise("longer-kernel", "num_output: 6 group: 6 kernel_h: 9 kernel_w: 3 stride: 3"),
    by_channel("each", "num_output: 6 kernel_size: 3 pad: 1 stride: 1"),
    by_channel("stride", "num_output: 6 group: 6 kernel_size: 3 pad: 1 stride: 2 bias_term: false"),
    by_channel("counts-ignored", "num_output: 5 group: 2 kernel_size: 2 pad: 0 stride: 1"),
    by_channel("dilated", "kernel_size: 3 pad: 2 stride: 1 dilation: 2"),
    by_channel("uneven-strides", "kernel_h: 3 kernel_w: 2 stride_h: 1 stride_w: 2 pad_h: 1 pad_w: 0"),
    by_channel("one-channel", "kernel_size: 3 pad: 1 stride: 1", {"x": normal(2, 1, 5, 6)}),
]
