"""Layers that move, join, pick or add up values, and those with a plain matrix product."""

import math

import numpy as np

from zoo.reference.layer import enum_name, integers


def argmax(layer, x):
    """The top_k largest and where they are; of equal values the later comes first (argmax_layer.cpp:32-96)."""
    p = layer.message.argmax_param
    along = x if p.HasField("axis") else x.reshape(len(x), -1)
    axis = layer.axis(p.axis, x) if p.HasField("axis") else 1
    if not 1 <= p.top_k <= along.shape[axis]:
        raise layer.error("top_k does not fit", got=p.top_k, want=f"1 to {along.shape[axis]}")
    # A stable ascending sort has the later of equal values last, so that it is first when read backwards.
    order = np.flip(np.argsort(along, axis=axis, kind="stable"), axis).take(range(p.top_k), axis)
    best = np.take_along_axis(along, order, axis)
    if p.HasField("axis"):
        return best if p.out_max_val else order
    rows = [order, best] if p.out_max_val else [order]
    return np.stack(rows, 1).reshape((len(x), len(rows), p.top_k) + (1,) * (x.ndim - 3))


def batch_reindex(layer, x, index):
    """Items of axis 0 in the order that bottom 1 says (batch_reindex_layer.cpp:8-49)."""
    index = integers(index)
    if np.any((index < 0) | (index >= len(x))):
        raise layer.error("an index outside the batch", got=index.tolist(), want=f"0 to {len(x) - 1}")
    return x[index]


def concat(layer, *xs):
    """Bottoms joined along an axis (concat_layer.cpp:16-74)."""
    p = layer.message.concat_param
    return np.concatenate(xs, layer.axis(p.concat_dim if p.HasField("concat_dim") else p.axis, xs[0]))


def eltwise(layer, *xs):
    """Product, weighted sum or largest of bottoms of one shape (eltwise_layer.cpp:9-99)."""
    p = layer.message.eltwise_param
    if any(x.shape != xs[0].shape for x in xs):
        raise layer.error("bottoms of unequal shapes", got=", ".join(str(x.shape) for x in xs))
    operation = enum_name(p, "operation")
    if p.coeff and (operation == "PROD" or len(p.coeff) != len(xs)):
        raise layer.error("coeff does not fit", got=len(p.coeff), want=f"{len(xs)}, and only for SUM")
    if operation == "SUM":
        return sum(c * x for c, x in zip(p.coeff or [1.0] * len(xs), xs))
    return math.prod(xs) if operation == "PROD" else np.maximum.reduce(xs)


def embed(layer, index):
    """Rows of the table, and the bias (embed_layer.cpp:48-83)."""
    p = layer.message.embed_param
    rows = layer.blobs[0][integers(index)].reshape(*index.shape, p.num_output)
    return rows + layer.blobs[1] if p.bias_term else rows


def filter_(layer, *bottoms):
    """Items of every bottom but the last where the last, the selector, is not 0 (filter_layer.cpp:15-76)."""
    keep = bottoms[-1].ravel() != 0
    return tuple(x[keep] for x in bottoms[:-1])


def flatten(layer, x):
    """Axes from `axis` to `end_axis`, both included, as one (flatten_layer.cpp:7-27)."""
    p = layer.message.flatten_param
    first, last = layer.axis(p.axis, x), layer.axis(p.end_axis, x)
    return x.reshape(*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :])


def inner_product(layer, x):
    """Weight times what follows `axis`, taken as one row, plus the bias (inner_product_layer.cpp:9-97)."""
    p = layer.message.inner_product_param
    weight = layer.blobs[0] if p.transpose else layer.blobs[0].T
    lead = x.shape[: layer.axis(p.axis, x)]
    top = x.reshape(math.prod(lead), -1) @ weight
    return (top + layer.blobs[1] if p.bias_term else top).reshape(*lead, p.num_output)


def parameter(layer):
    """The blob itself (parameter_layer.hpp:34-38)."""
    return layer.blobs[0]


def reduction(layer, x):
    """Sum, sum of sizes, sum of squares or mean over all axes from `axis` on (reduction_layer.cpp:8-74)."""
    p = layer.message.reduction_param
    axis = layer.axis(p.axis, x)
    flat = x.reshape(*x.shape[:axis], -1)
    reduce = {
        "SUM": lambda: flat.sum(-1),
        "ASUM": lambda: np.abs(flat).sum(-1),
        "SUMSQ": lambda: (flat**2).sum(-1),
        "MEAN": lambda: flat.mean(-1),
    }
    return p.coeff * reduce[enum_name(p, "operation")]()


def reshape(layer, x):
    """The axes from `axis` on, `num_axes` of them, as `shape`: 0 copies, -1 infers (reshape_layer.cpp:7-91)."""
    p = layer.message.reshape_param
    start = p.axis if p.axis >= 0 else x.ndim + p.axis + 1
    end = x.ndim if p.num_axes == -1 else start + p.num_axes
    dims = [x.shape[start + i] if dim == 0 else dim for i, dim in enumerate(p.shape.dim)]
    return x.reshape(*x.shape[:start], *dims, *x.shape[end:])


def silence(layer, *xs):
    """Nothing comes out (silence_layer.hpp)."""
    return ()


def slice_(layer, x):
    """Parts along an axis, cut at the points given or into equal ones (slice_layer.cpp:9-96)."""
    p = layer.message.slice_param
    axis = layer.axis(p.slice_dim if p.HasField("slice_dim") else p.axis, x)
    if p.slice_point and len(p.slice_point) != len(layer.message.top) - 1:
        raise layer.error("slice_point does not fit", got=len(p.slice_point), want=len(layer.message.top) - 1)
    return tuple(np.split(x, list(p.slice_point) or len(layer.message.top), axis))


def split(layer, x):
    """The same for every top (split_layer.cpp:8-31)."""
    return (x,) * len(layer.message.top)


def tile(layer, x):
    """The block from `axis` on, again and again (tile_layer.cpp:8-35)."""
    p = layer.message.tile_param
    return np.concatenate([x] * p.tiles, layer.axis(p.axis, x))


LAYERS = {
    "ArgMax": argmax,
    "BatchReindex": batch_reindex,
    "Concat": concat,
    "Eltwise": eltwise,
    "Embed": embed,
    "Filter": filter_,
    "Flatten": flatten,
    "InnerProduct": inner_product,
    "Parameter": parameter,
    "Reduction": reduction,
    "Reshape": reshape,
    "Silence": silence,
    "Slice": slice_,
    "Split": split,
    "Tile": tile,
}
