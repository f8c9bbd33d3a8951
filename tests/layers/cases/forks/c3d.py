"""Convolution3D and Pooling3D of C3D."""

from tests.layers.cases.case import Case, normal

X = {"x": normal(2, 3, 5, 6, 7)}


def convolution(name, body, param="convolution_param", **more):
    return Case("Convolution3D", name, X, f"{param} {{ num_output: 4 {body} }}", **more)


def pooling(name, body, param="pooling_param", inputs=X, **more):
    return Case("Pooling3D", name, inputs, f"{param} {{ {body} }}", **more)


CASES = [
    convolution("same", "kernel_size: 3 kernel_depth: 3 pad: 1 temporal_pad: 1 filter_group: 2"),
    convolution("strides", "kernel_size: 2 kernel_depth: 3 stride: 2 temporal_stride: 1 bias_term: false"),
    convolution("of-version-1.1", "kernel_size: 3 kernel_depth: 1 temporal_stride: 2", "convolution3d_param"),
    convolution("longer-kernel", "kernel_size: 4 kernel_depth: 6 stride: 2 temporal_stride: 2"),
    pooling("max", "kernel_size: 2 kernel_depth: 1 stride: 2 temporal_stride: 1"),
    pooling("max-hanging-over", "kernel_size: 3 kernel_depth: 2 stride: 2 temporal_stride: 2"),
    pooling("mean-hanging-over", "pool: AVE kernel_size: 3 kernel_depth: 2 stride: 2 temporal_stride: 2"),
    pooling("max-outside", "kernel_size: 1 kernel_depth: 2 stride: 2 temporal_stride: 3", gradient=()),
    pooling("mean-outside", "pool: AVE kernel_size: 1 kernel_depth: 1 stride: 4 temporal_stride: 3"),
    pooling("mean-padded", "pool: AVE kernel_size: 3 kernel_depth: 2 stride: 2 pad: 1", "pooling3d_param"),
]
