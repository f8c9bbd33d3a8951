"""The axes along which Scale and Bias lay their factor over a bottom."""

from zoo.errors import NetError
from zoo.layers.base.blobs import BlobMap
from zoo.layers.base.geometry import canonical_axis, keras_axis
from zoo.layers.base.lazy import ops
from zoo.layers.ops.layout import from_caffe


def blob_shape(layer, path, shape, axis, num_axes):
    """Returns the shape of a parameter broadcast over axes axis..axis+num_axes-1 of `shape` (bias_layer.cpp:14-32).

    Args:
        layer: the LayerDef, for errors.
        path: its parameter message, such as "bias_param".
        shape: the bottom's Caffe shape.
        axis: may be negative.
        num_axes: -1 for all from `axis` on; 0 for a scalar.

    Raises:
        NetError: there are no such axes.
    """
    first = canonical_axis(axis, len(shape), layer.at(f"{path}.axis"))
    if num_axes < -1 or first + num_axes > len(shape):
        want = f"-1 to {len(shape) - first} from axis {first} of a blob of {len(shape)} axes"
        raise NetError("num_axes does not fit", at=layer.at(f"{path}.num_axes"), got=num_axes, want=want)
    return tuple(shape[first:]) if num_axes == -1 else tuple(shape[first : first + num_axes])


def check_fit(layer, path, shape, factor, axis):
    """Checks that a second bottom of shape `factor` lies over `shape` from `axis` on (bias_layer.cpp:46-57).

    Raises:
        NetError: it does not.
    """
    if not factor:
        return
    first = canonical_axis(axis, len(shape), layer.at(f"{path}.axis"))
    if tuple(shape[first : first + len(factor)]) != tuple(factor):
        what = f"the second bottom does not match the first from axis {first} on"
        raise NetError(what, at=layer.at("bottom"), got=factor, want=f"a leading part of {tuple(shape[first:])}")


def broadcast_map(shape, factor, axis):
    """Returns the `BlobMap` from a parameter of shape `factor` to a variable that broadcasts over the Keras tensor.

    Args:
        shape: the bottom's Caffe shape.
        factor: the parameter's.
        axis: the bottom's axis where it begins.
    """
    if not factor:
        return BlobMap((1,), (0,), (1,))
    full = _full(shape, factor, canonical_axis(axis, len(shape)))
    perm = sorted(range(len(full)), key=lambda a: keras_axis(a, len(full)))
    merged = [full[a] for a in perm]
    while merged[0] == 1 and len(merged) > 1:
        merged.pop(0)
    return BlobMap(full, tuple(perm), tuple(merged))


def broadcast(value, shape, factor, axis):
    """Returns the Keras tensor `value` of Caffe shape `factor` in a shape that broadcasts over one of `shape`.

    The size of axis 0 of `shape` is taken from the tensor, since a batch may be of any size.
    """
    if not factor or len(factor) == len(shape):
        return value
    first = canonical_axis(axis, len(shape))
    full = list(_full(shape, factor, first))
    if first == 0:
        full[0] = -1
    return from_caffe(ops.reshape(value, full))


def add(x, b):
    """Returns x + b, with b broadcast.

    With TensorFlow `ops.add` takes a b with one axis longer than 1 for a bias along axis 1 or -1 of x, wherever in b
    that axis stands, if only the lengths agree (keras 3.15, backend/tensorflow/numpy.py:108); `ops.subtract` does not.
    """
    return x + b if len(b.shape) == 1 else x - (-b)


def _full(shape, factor, first):
    return (1,) * first + tuple(factor) + (1,) * (len(shape) - first - len(factor))
