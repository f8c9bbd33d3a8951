"""Interp of PSPNet, and Upsample of SegNet and YOLO."""

import numpy as np

from zoo.export.onnx.registry import writer


@writer("Interp")
def interp(site):
    """Resize with aligned corners, of what is left after cropping."""
    x, (begin, end) = site.inputs[0], site.kind.crop
    if begin or end or not site.kind.size:
        site.needs_sizes()
    height, width = site.bottoms[0][2:]
    if begin or end:
        ends = site.ints(height - end, width - end)
        x = site.op("Slice", x, site.ints(begin, begin), ends, site.ints(2, 3))
    if (height - begin - end, width - begin - end) == site.tops[0][2:] and not site.any_size:
        return x
    return resized(site, x, site.tops[0][2:], mode="linear", coordinate_transformation_mode="align_corners")


def resized(site, x, sizes, **attributes):
    """Returns a Resize of (N,C,H,W) to those sizes of H and W."""
    lead = site.op("Slice", site.op("Shape", x), site.ints(0), site.ints(2)) if site.any_batch else None
    whole = site.op("Concat", lead, site.ints(*sizes), axis=0) if lead else site.ints(*site.bottoms[0][:2], *sizes)
    return site.op("Resize", x, "", "", whole, **attributes)


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
