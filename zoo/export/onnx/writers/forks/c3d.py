"""Convolution3D and Pooling3D of C3D."""

from zoo.export.onnx.pooled import PooledPlanes
from zoo.export.onnx.registry import writer
from zoo.layers.base.geometry import cover


@writer("Convolution3D")
def convolution3d(site):
    """Conv over three axes."""
    windows = site.kind.window.windows(site.bottoms[0])
    blobs = [site.blob(i) for i in range(site.blob_count)]
    pads = [cover(*axis) for axis in zip(site.bottoms[0][2:], windows, site.tops[0][2:])]
    return site.op(
        "Conv",
        site.inputs[0],
        *blobs,
        kernel_shape=[window.kernel for window in windows],
        strides=[window.stride for window in windows],
        pads=[before for before, _ in pads] + [after for _, after in pads],
    )


@writer("Pooling3D")
def pooling3d(site):
    """MaxPool, or AveragePool with factors where windows hang over."""
    kind, (shape,), (x,) = site.kind, site.bottoms, site.inputs
    planes = PooledPlanes(site, shape[2:], kind.windows, site.tops[0][2:])
    return planes.largest(x) if kind.method == "MAX" else planes.average(x)
