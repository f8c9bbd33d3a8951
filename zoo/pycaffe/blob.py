"""Blob: what `net.blobs` and `net.params` hold."""

from zoo.errors import NetError
from zoo.pycaffe.errors import also
from zoo.pycaffe.memory import Memory


class Blob:
    """An array of values and one of their gradients, Caffe's (N,C,H,W) float32; both may be written in place.

    Args:
        name: what an error calls it.
        data: the `Memory` of the values.
        diff: that of the gradients; by default a new one of the same shape and order.
    """

    def __init__(self, name, data, diff=None):
        self._name, self._data = name, data
        self._diff = Memory(data.shape, data._order) if diff is None else diff

    @property
    def data(self):
        """The values."""
        return self._data.host()

    @property
    def diff(self):
        """The gradients."""
        return self._diff.host()

    @property
    def shape(self):
        """A tuple, outermost first."""
        return self._data.shape

    @property
    def count(self):
        """Number of values."""
        return self._data.count

    @property
    def num(self):
        """First axis."""
        return self._legacy(0)

    @property
    def channels(self):
        """Second axis."""
        return self._legacy(1)

    @property
    def height(self):
        """Third axis."""
        return self._legacy(2)

    @property
    def width(self):
        """Fourth axis."""
        return self._legacy(3)

    def _legacy(self, axis):
        """Size of one of four axes, 1 where there are fewer (blob.hpp LegacyShape)."""
        if len(self.shape) > 4:
            what = f'blob "{self._name}" has no num, channels, height and width'
            raise also(NetError, RuntimeError)(what, got=self.shape, want="4 axes")
        return self.shape[axis] if axis < len(self.shape) else 1

    def reshape(self, *shape):
        """Gives the blob another shape, which the layers behind follow at the next forward pass.

        Raises:
            NetError: no shape of a blob, or another shape for a parameter.
        """
        try:
            dims = tuple(int(dim) for dim in shape)
        except (TypeError, ValueError):
            what = f'reshape of blob "{self._name}" takes whole numbers'
            raise also(NetError, TypeError)(what, got=shape) from None
        if any(dim < 0 for dim in dims) or len(dims) > 32:
            raise also(NetError, RuntimeError)(
                f'blob "{self._name}" cannot have such a shape', got=dims, want="up to 32 sizes of 0 or more"
            )
        try:
            self._data.reshape(dims)
        except ValueError as error:
            raise also(NetError, RuntimeError)(f'blob "{self._name}": {error}') from None
        self._diff.reshape(dims)

    def __repr__(self):
        return f"Blob({self._name!r}, shape={self.shape})"

    # ---- for the net ----

    def put(self, tensor):
        """Takes new values from a tensor in Keras's order, and its shape."""
        shape = tuple(tensor.shape)
        self._data.put(tensor, (shape[0], shape[3], shape[1], shape[2]) if len(shape) == 4 else shape)
        self._diff.reshape(self._data.shape)
