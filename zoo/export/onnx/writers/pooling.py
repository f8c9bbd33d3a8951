"""Pooling, and SPP, which is made of it."""

from zoo.export.onnx.pooled import PooledPlanes
from zoo.export.onnx.registry import writer


@writer("Pooling")
def pooling(site):
    """MaxPool or AveragePool with explicit padding; of the whole plane the global ones."""
    kind, (shape,), (x,) = site.kind, site.bottoms, site.inputs
    if kind.whole and len(site.tops) == 1 and kind.method in ("MAX", "AVE"):
        return site.op("GlobalMaxPool" if kind.method == "MAX" else "GlobalAveragePool", x)
    planes = PooledPlanes(site, shape[2:], kind.windows(shape), site.tops[0][2:], kind.ceil)
    if kind.method == "MAX":
        return planes.largest(x, places=len(site.tops) > 1)
    return planes.average(x, kind.counted) if kind.method == "AVE" else planes.weighted(x)


@writer("SPP")
def spp(site):
    """Poolings side by side."""
    kind, (shape,), (x,) = site.kind, site.bottoms, site.inputs
    levels = []
    for windows, outs in kind.levels(shape):
        planes = PooledPlanes(site, shape[2:], windows, outs)
        pool = {"MAX": planes.largest, "AVE": planes.average, "STOCHASTIC": planes.weighted}[kind.method]
        levels.append(pool(x))
    if kind.height == 1:
        return levels[0]
    return site.op("Concat", *[site.op("Flatten", level, axis=1) for level in levels], axis=1)
