"""Layers that move, join, pick or add up values, and those with a plain matrix product."""

import math

from zoo.export.onnx.registry import writer
from zoo.export.onnx.writers.neuron import times
from zoo.layers.base.geometry import canonical_axis


def _axis(site, axis):
    return canonical_axis(axis, len(site.bottoms[0]))


@writer("Concat")
def concat(site):
    """Concat."""
    if len(site.inputs) == 1:
        return site.inputs[0]
    return site.op("Concat", *site.inputs, axis=_axis(site, site.kind.axis))


@writer("Slice")
def slice_(site):
    """Split, at the places that the tops' sizes say."""
    axis, tops = _axis(site, site.kind.axis), site.tops
    if len(tops) == 1:
        return site.inputs[0]
    sizes = site.ints(*[top[axis] for top in tops])
    return site.op("Split", site.inputs[0], sizes, outputs=len(tops), axis=axis)


@writer("Split")
def split(site):
    """The same value for every top."""
    return site.inputs * len(site.tops)


@writer("Silence", "HDF5Output")
def nothing(site):
    """No node: there is no top."""
    return ()


@writer("Eltwise")
def eltwise(site):
    """Sum, Max or Mul."""
    kind, inputs = site.kind, site.inputs
    if kind.operation == "MAX":
        return site.op("Max", *inputs)
    terms = [times(site, x, coeff) for x, coeff in zip(inputs, kind.coeff or [1] * len(inputs))]
    combine = "Mul" if kind.operation == "PROD" else "Add"
    total = terms[0]
    for term in terms[1:]:
        total = site.op(combine, total, term)
    return total


@writer("Flatten")
def flatten(site):
    """Flatten where two axes stay, else Reshape."""
    kind, (shape,), (top,) = site.kind, site.bottoms, site.tops
    if len(top) == 2 and top[0] == shape[0] and _axis(site, kind.axis) == 1:
        return site.op("Flatten", site.inputs[0], axis=1)
    return site.reshape(site.inputs[0], top)


@writer("Reshape")
def reshape(site):
    """Reshape to the planned sizes; with open sizes to the file's own, whose 0 and -1 mean the same in ONNX."""
    kind, (shape,), (top,) = site.kind, site.bottoms, site.tops
    if not site.any_size:
        return site.reshape(site.inputs[0], top)
    first, end = kind.span(shape)
    behind = [0] * (len(shape) - end) if len(kind.dims) == end - first else list(shape[end:])
    return site.op("Reshape", site.inputs[0], site.ints(*[0] * first, *kind.dims, *behind))


@writer("Crop")
def crop(site):
    """Slice."""
    x, like = site.inputs
    spans = site.kind.spans(site.bottoms)
    if site.any_size:
        axes, offsets = list(spans), site.ints(*[offset for offset, _ in spans.values()])
        sizes = site.op("Gather", site.op("Shape", like), site.ints(*axes))
        return site.op("Slice", x, offsets, site.op("Add", offsets, sizes), site.ints(*axes))
    cut = {axis: span for axis, span in spans.items() if span != (0, site.bottoms[0][axis])}
    if not cut:
        return x
    starts, ends = [offset for offset, _ in cut.values()], [sum(span) for span in cut.values()]
    return site.op("Slice", x, site.ints(*starts), site.ints(*ends), site.ints(*cut))


@writer("InnerProduct")
def inner_product(site):
    """Gemm of the flattened axes, with the weights as Caffe has them."""
    kind, (shape,), (top,) = site.kind, site.bottoms, site.tops
    axis = _axis(site, kind.axis)
    x = site.inputs[0]
    if (len(shape), axis) != (2, 1):
        x = site.op("Flatten", x, axis=axis)
    bias = site.blob(1) if kind.bias_term else ""
    y = site.op("Gemm", x, site.blob(0), bias, transB=0 if kind.transpose else 1)
    return y if axis == 1 else site.reshape(y, top)


@writer("Embed")
def embed(site):
    """Gather of the table's rows."""
    rows = site.op("Gather", site.blob(0), site.op("Cast", site.inputs[0], to=7), axis=0)
    return site.op("Add", rows, site.blob(1)) if site.kind.bias_term else rows


@writer("BatchReindex")
def batch_reindex(site):
    """Gather of the items."""
    x, index = site.inputs
    return site.op("Gather", x, site.op("Cast", index, to=7), axis=0)


@writer("Filter")
def filter_(site):
    """Gather of each bottom where the last is not 0 (OpenCV 5.0 has no Compress)."""
    *items, selector = site.inputs
    flat = site.op("Reshape", selector, site.ints(-1)) if len(site.bottoms[-1]) > 1 else selector
    kept = site.op("Reshape", site.op("NonZero", flat), site.ints(-1))
    return tuple(site.op("Gather", x, kept, axis=0) for x in items)


@writer("Tile")
def tile(site):
    """Tile."""
    repeats = [1] * len(site.bottoms[0])
    repeats[_axis(site, site.kind.axis)] = site.kind.tiles
    return site.op("Tile", site.inputs[0], site.ints(*repeats))


@writer("Parameter")
def parameter(site):
    """The blob itself."""
    return site.blob(0)


@writer("Reduction")
def reduction(site):
    """ReduceSum, ReduceL1, ReduceSumSquare or ReduceMean."""
    kind, (shape,), (x,) = site.kind, site.bottoms, site.inputs
    axes = list(range(_axis(site, kind.axis), len(shape)))
    if kind.operation == "SUM":
        y = site.op("ReduceSum", x, site.ints(*axes), keepdims=0)
    else:
        operator = {"ASUM": "ReduceL1", "SUMSQ": "ReduceSumSquare", "MEAN": "ReduceMean"}[kind.operation]
        y = site.op(operator, x, axes=axes, keepdims=0)
    return times(site, y, kind.coeff)


@writer("ArgMax")
def argmax(site):
    """ArgMax, or TopK of the reversed values: ONNX prefers the lower of equal ones, Caffe the higher."""
    kind, (shape,), (top,), (x,) = site.kind, site.bottoms, site.tops, site.inputs
    items = kind.axis is None
    if items:
        x, axis, size = site.op("Flatten", x, axis=1), 1, math.prod(shape[1:])
    else:
        axis = _axis(site, kind.axis)
        size = shape[axis]
    if kind.top_k == 1 and not kind.out_max_val:
        found = site.op("Cast", site.op("ArgMax", x, axis=axis, keepdims=1, select_last_index=1), to=1)
        return site.reshape(found, top) if items else found
    ends = site.ints(-1), site.ints(-size - 1), site.ints(axis), site.ints(-1)
    values, places = site.op("TopK", site.op("Slice", x, *ends), site.ints(kind.top_k), outputs=2, axis=axis)
    if not items and kind.out_max_val:
        return values
    places = site.op("Sub", site.constant(size - 1, "last"), site.op("Cast", places, to=1))
    if not items:
        return places
    both = site.op("Concat", places, values, axis=1) if kind.out_max_val else places
    return site.reshape(both, top)
