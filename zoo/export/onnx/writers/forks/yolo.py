"""ReLU6 and Reorg of YOLO."""

from zoo.export.onnx.registry import writer


@writer("ReLU6")
def relu6(site):
    """Clip; with a slope, LeakyRelu before it."""
    x, slope = site.inputs[0], site.kind.slope
    if slope:
        x = site.op("LeakyRelu", x, alpha=slope)
    return site.op("Clip", x, "" if slope else site.constant(0), site.constant(6))


@writer("Reorg")
def reorg(site):
    """A transposition of an array of six axes."""
    site.needs_sizes()
    (n, c, h, w), s = site.bottoms[0], site.kind.stride
    before, order = (c // s**2, h, s, w, s), (0, 3, 5, 1, 2, 4)
    if site.kind.reverse:
        before, order = (s, s, c // s**2, h, w), (0, 3, 4, 1, 5, 2)
    parts = site.reshape(site.inputs[0], (n, *before))
    return site.reshape(site.op("Transpose", parts, perm=list(order)), site.tops[0])
