"""Permute, Normalize and PriorBox of SSD."""

from zoo.export.onnx.registry import writer


@writer("Permute")
def permute(site):
    """Transpose."""
    order = site.kind.whole_order(site.bottoms[0])
    return site.op("Transpose", site.inputs[0], perm=order) if order != sorted(order) else site.inputs[0]


@writer("Normalize (ssd)", "NormalizeBBox")
def normalize(site):
    """The sum of squares by itself, so that eps lies under the root."""
    x, rank = site.inputs[0], len(site.bottoms[0])
    axes = range(1, rank) if site.kind.across_spatial else (1,)
    total = site.op("ReduceSum", site.op("Mul", x, x), site.ints(*axes))
    norm = site.op("Sqrt", site.op("Add", total, site.constant(site.kind.eps)))
    scale = site.blob(0) if site.kind.channel_shared else site.blob(0, (site.bottoms[0][1], *[1] * (rank - 2)))
    return site.op("Mul", site.op("Div", x, norm), scale)


@writer("PriorBox", "PriorBox (opencv)", "PriorBox (textboxes)")
def prior_box(site):
    """A constant: the boxes follow from the sizes of the bottoms."""
    site.needs_sizes()
    return site.constant(site.kind.values(site.bottoms), "boxes")
