"""Interp of PSPNet, and Upsample of SegNet and YOLO."""

import numpy as np

from zoo.export.onnx.registry import writer

_END = 2**31 - 1  # beyond the last place of an axis


@writer("Interp")
def interp(site):
    """Resize with aligned corners, of what is left after cropping."""
    x, (begin, end) = site.inputs[0], site.kind.crop
    height, width = site.bottoms[0][2:]
    if begin or end:
        far = [-end or _END] * 2 if site.any_size else [height - end, width - end]
        x = site.op("Slice", x, site.ints(begin, begin), site.ints(*far), site.ints(2, 3))
    if site.any_size:
        sizes = site.ints(*site.kind.size) if site.kind.size else _scaled(site, x)
    elif (height - begin - end, width - begin - end) == site.tops[0][2:]:
        return x
    else:
        sizes = site.ints(*site.tops[0][2:])
    lead = site.op("Shape", x, start=0, end=2) if site.any_batch else site.ints(*site.bottoms[0][:2])
    whole = site.op("Concat", lead, sizes, axis=0)
    return site.op("Resize", x, "", "", whole, mode="linear", coordinate_transformation_mode="align_corners")


def _scaled(site, x):
    """Returns height and width of the top, of a bottom of any size: shrunk first, then zoomed."""
    sizes, one = site.op("Shape", x, start=2, end=4), site.ints(1)
    if site.kind.shrink is not None:
        steps = site.op("Div", site.op("Sub", sizes, one), site.ints(site.kind.shrink))
        sizes = site.op("Add", steps, one)
    if site.kind.zoom is not None:
        more = site.op("Mul", site.op("Sub", sizes, one), site.ints(site.kind.zoom - 1))
        sizes = site.op("Add", sizes, more)
    return sizes


@writer("Upsample (yolo)")
def upsample(site):
    """Resize to the nearest value."""
    scales = site.constant(np.array([1, 1, site.kind.scale, site.kind.scale]), "scales")
    nearest = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    return site.op("Resize", site.inputs[0], "", scales, **nearest)


@writer("Upsample (segnet)")
def unpool(site):
    """ScatterElements into planes of zeros; of several values at one place the last stays, as runtimes do it."""
    site.needs_sizes()
    x, mask = site.inputs
    (n, channels, height, width), (_, _, tall, wide) = site.bottoms[0], site.tops[0]
    planes = (n, channels, height * width)
    places = site.op("Cast", site.reshape(mask, planes), to=7)
    zeros = site.zeros(n, channels, tall * wide)
    return site.reshape(site.op("ScatterElements", zeros, places, site.reshape(x, planes), axis=2), site.tops[0])
