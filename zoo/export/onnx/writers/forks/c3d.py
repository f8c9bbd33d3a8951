"""Convolution3D and Pooling3D of C3D."""

import numpy as np

from zoo.export.onnx.registry import writer
from zoo.layers.base.geometry import pool_divisors


@writer("Convolution3D")
def convolution3d(site):
    """Conv over three axes."""
    windows = site.kind.window.windows(site.bottoms[0])
    blobs = [site.blob(i) for i in range(site.blob_count)]
    pads = [window.pad for window in windows]
    return site.op(
        "Conv",
        site.inputs[0],
        *blobs,
        kernel_shape=[window.kernel for window in windows],
        strides=[window.stride for window in windows],
        pads=pads * 2,
    )


@writer("Pooling3D")
def pooling3d(site):
    """MaxPool, or AveragePool of a padded bottom with factors where windows hang over."""
    x, sizes, outs, windows = site.inputs[0], site.bottoms[0][2:], site.tops[0][2:], site.kind.windows
    ends = [max(0, (out - 1) * w.stride + w.kernel - n - w.pad) for n, w, out in zip(sizes, windows, outs)]
    begins = [w.pad for w in windows]
    given = {"kernel_shape": [w.kernel for w in windows], "strides": [w.stride for w in windows]}
    if site.kind.method == "MAX":
        return site.op("MaxPool", x, **given, pads=[*begins, *ends])
    if any(begins + ends):
        x = site.op("Pad", x, site.ints(0, 0, *begins, 0, 0, *ends))
    y = site.op("AveragePool", x, **given)
    for axis, (window, counts) in enumerate(zip(windows, (pool_divisors(*each) for each in zip(sizes, windows, outs)))):
        if any(count != window.kernel for count in counts):
            factors = np.array([window.kernel / count for count in counts])
            y = site.op("Mul", y, site.constant(factors.reshape(-1, *[1] * (2 - axis)), "factors"))
    return y
