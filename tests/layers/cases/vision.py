"""Convolutions, poolings and Crop."""

from tests.layers.cases.case import Case, fixed, normal, ties

X = {"x": normal(2, 3, 7, 9)}


def conv(name, shape, body, type_="Convolution", **more):
    return Case(type_, name, {"x": normal(*shape)}, f"convolution_param {{ {body} }}", **more)


def deconv(name, shape, body):
    return conv(name, shape, body, "Deconvolution")


def im2col(name, shape, body):
    return conv(name, shape, body, "Im2col")


def pool(name, shape, body, tops=("y",), fed=normal, **more):
    return Case("Pooling", name, {"x": fed(*shape)}, f"pooling_param {{ {body} }}", tops, **more)


CASES = [
    conv("strided", (2, 3, 7, 9), "num_output: 4 kernel_size: 3 stride: 2 pad: 1"),
    conv("even-sizes-stride-2", (2, 3, 8, 6), "num_output: 4 kernel_size: 3 stride: 2 pad: 1"),
    conv("uneven", (2, 3, 7, 9), "num_output: 4 kernel_h: 3 kernel_w: 2 pad_h: 2 pad_w: 1 stride_h: 1 stride_w: 3"),
    conv("two-numbers", (2, 3, 7, 9), "num_output: 2 kernel_size: 2 kernel_size: 4 pad: 0 pad: 3 stride: 3 stride: 2"),
    conv("dilated", (2, 3, 11, 9), "num_output: 5 kernel_size: 3 dilation: 3 dilation: 2 pad: 3"),
    conv("dilated-strided", (2, 3, 11, 9), "num_output: 5 kernel_size: 2 dilation: 3 pad: 1 stride: 2"),
    conv("groups", (2, 4, 6, 5), "num_output: 6 kernel_size: 3 group: 2 pad: 1 bias_term: false"),
    conv("depthwise", (2, 3, 6, 5), "num_output: 3 kernel_size: 3 group: 3 pad: 1 stride: 2"),
    conv("depthwise-doubled", (2, 3, 6, 5), "num_output: 6 kernel_h: 2 kernel_w: 3 group: 3 pad_h: 1 pad_w: 0"),
    conv("depthwise-uneven-stride", (2, 3, 9, 8), "num_output: 3 kernel_size: 3 group: 3 stride_h: 1 stride_w: 2"),
    conv("one-by-one", (2, 3, 4, 5), "num_output: 7 kernel_size: 1"),
    conv("one-by-one-padded", (2, 3, 4, 5), "num_output: 2 kernel_size: 1 pad: 1 stride: 2"),
    conv("all-padding", (2, 3, 4, 5), "num_output: 2 kernel_size: 2 pad: 4"),
    conv("line", (2, 3, 11), "num_output: 4 kernel_size: 3 stride: 2 pad: 1"),
    conv("line-dilated", (2, 4, 11), "num_output: 4 kernel_size: 2 dilation: 3 group: 2"),
    conv("line-as-long-as-deep", (2, 3, 4), "num_output: 4 kernel_size: 3 pad: 1"),
    conv("volume-as-wide-as-deep", (2, 2, 5, 3, 3), "num_output: 3 kernel_size: 3 pad: 1"),
    conv("volume", (1, 2, 5, 6, 4), "num_output: 3 kernel_size: 2 kernel_size: 3 kernel_size: 1 stride: 2 pad: 1"),
    Case(
        "Convolution",
        "two-bottoms",
        {"a": normal(2, 3, 5, 6), "b": normal(2, 3, 5, 6)},
        "convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2 }",
        ("p", "q"),
    ),
    deconv("strided", (2, 3, 4, 5), "num_output: 4 kernel_size: 3 stride: 2 pad: 1"),
    deconv("bilinear", (2, 3, 4, 5), "num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 bias_term: false"),
    deconv("depthwise-doubled", (2, 3, 4, 5), "num_output: 6 group: 3 kernel_size: 3 stride: 2"),
    deconv("groups", (2, 4, 3, 5), "num_output: 6 group: 2 kernel_h: 2 kernel_w: 3 stride_h: 3 stride_w: 1 pad_w: 2"),
    deconv("dilated", (2, 3, 4, 5), "num_output: 2 kernel_size: 3 dilation: 2 pad: 1"),
    deconv("gaps", (2, 3, 4, 5), "num_output: 2 kernel_size: 2 stride: 3"),
    deconv("line", (2, 3, 5), "num_output: 4 kernel_size: 4 stride: 3 pad: 1"),
    deconv("line-as-long-as-deep", (2, 3, 2), "num_output: 4 kernel_size: 2 stride: 2"),
    deconv("volume", (1, 2, 3, 2, 4), "num_output: 3 kernel_size: 3 kernel_size: 2 kernel_size: 3 stride: 2 pad: 1"),
    im2col("strided", (2, 3, 6, 7), "kernel_size: 3 stride: 2 pad: 1"),
    im2col("uneven", (2, 3, 6, 7), "kernel_h: 2 kernel_w: 3 pad_h: 0 pad_w: 2 stride_h: 3 stride_w: 1"),
    im2col("dilated", (2, 2, 8, 7), "kernel_size: 2 dilation: 3"),
    Case(
        "Crop", "one-offset", {"x": normal(2, 3, 7, 9), "like": fixed(normal(2, 3, 4, 5))}, "crop_param { offset: 2 }"
    ),
    Case("Crop", "no-offset", {"x": normal(2, 3, 7, 9), "like": fixed(normal(2, 3, 4, 5))}),
    Case(
        "Crop",
        "from-channels",
        {"x": normal(2, 6, 7, 9), "like": fixed(normal(2, 3, 4, 5))},
        "crop_param { axis: 1 offset: 1 offset: 0 offset: 3 }",
    ),
    Case(
        "Crop",
        "last-axis",
        {"x": normal(2, 3, 4, 9), "like": fixed(normal(1, 1, 1, 5))},
        "crop_param { axis: -1 offset: 4 }",
    ),
    pool("ceil-mode-off", (2, 3, 7, 6), "kernel_size: 2 stride: 2 ceil_mode: false"),
    pool("ceil-mode-on", (2, 3, 7, 6), "kernel_size: 2 stride: 2 ceil_mode: true round_mode: CEIL"),
    pool("padding-not-counted", (2, 3, 7, 6), "pool: AVE kernel_size: 3 stride: 2 pad: 1 avg_include_pad: false"),
    pool(
        "nor-with-uneven-pads",
        (2, 3, 6, 9),
        "pool: AVE kernel_size: 4 stride: 3 pad_h: 2 pad_w: 1 avg_include_pad: false",
    ),
    pool("max", (2, 3, 8, 7), "kernel_size: 3 stride: 2"),
    pool("max-padded", (2, 3, 7, 10), "kernel_size: 3 stride: 2 pad: 1"),
    pool("max-clipped-last-window", (2, 3, 6, 9), "kernel_size: 2 stride: 2 pad: 1"),
    pool("max-mask", (2, 3, 7, 9), "kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 3 pad_h: 1 pad_w: 1", ("y", "mask")),
    pool("max-mask-ties", (2, 3, 7, 9), "kernel_size: 3 stride: 2", ("y", "mask"), ties, gradient=()),
    pool("max-one-side-padded", (2, 3, 7, 9), "kernel_size: 3 stride: 2 pad_h: 2 pad_w: 0"),
    pool("ave", (2, 3, 8, 7), "pool: AVE kernel_size: 3 stride: 2"),
    pool("ave-padded", (2, 3, 7, 10), "pool: AVE kernel_size: 3 stride: 2 pad: 1"),
    pool("ave-overhang", (2, 3, 6, 9), "pool: AVE kernel_size: 4 stride: 3 pad: 1"),
    pool("ave-uneven", (2, 3, 7, 9), "pool: AVE kernel_h: 2 kernel_w: 5 stride_h: 1 stride_w: 2 pad_h: 1 pad_w: 3"),
    pool("ave-floor", (2, 3, 8, 7), "pool: AVE kernel_size: 3 stride: 2 round_mode: FLOOR pad: 1"),
    pool("max-floor", (2, 3, 8, 7), "kernel_size: 3 stride: 2 round_mode: FLOOR"),
    pool("global-max", (2, 3, 4, 5), "global_pooling: true"),
    pool("global-ave", (2, 3, 4, 5), "pool: AVE global_pooling: true"),
    pool("strides-wider-than-windows", (2, 3, 7, 7), "kernel_size: 1 stride: 3"),
    Case("SPP", "one-level", X, "spp_param { pyramid_height: 1 }"),
    Case("SPP", "two-levels-ave", X, "spp_param { pyramid_height: 2 pool: AVE }"),
    Case("SPP", "three-levels", X, "spp_param { pyramid_height: 3 pool: MAX }"),
]
