"""Kernel, stride, pad and dilation as ConvolutionParameter spells them, and the N-D window that they make."""

from zoo.layers.base.geometry import Window, canonical_axis
from zoo.layers.base.lazy import ops
from zoo.layers.ops.layout import from_caffe, to_caffe


class SlidingWindow:
    """The window of Convolution, Deconvolution and Im2col over any number of spatial axes.

    Each of its sizes is given once for all spatial axes, once per axis, or, for two of them, by _h and _w
    (base_conv_layer.cpp:12-117; im2col_layer.cpp:9-104 has the same rules).

    Args:
        fields: `Fields` of convolution_param; the spelling is read from it at once.
    """

    def __init__(self, fields):
        self._fields = fields
        self._axis = fields.axis
        self._given = {}
        for name in ("kernel", "stride", "pad", "dilation"):
            repeated = "kernel_size" if name == "kernel" else name
            pair = () if name == "dilation" else (f"{name}_h", f"{name}_w")
            self._given[name] = (
                repeated,
                tuple(getattr(fields, repeated)),
                [getattr(fields, part) for part in pair] if any(fields.has(part) for part in pair) else None,
            )
        # What chooses between ways of computing the same.
        fields.no_effect("engine", "force_nd_im2col", "conv_algos_override")

    def axis(self, shape):
        """Returns the channel axis of a blob of Caffe's `shape`. Raises NetError if it has none such."""
        return canonical_axis(self._axis, len(shape), self._fields.at("axis"))

    def windows(self, shape):
        """Returns a `Window` for each spatial axis of a blob of Caffe's `shape`.

        Raises:
            NetError: a size that is missing, 0, given twice or not once per axis.
        """
        spatial = len(shape) - self.axis(shape) - 1
        kernel = self._sizes("kernel", spatial, None, least=1)
        stride = self._sizes("stride", spatial, 1, least=1)
        pad = self._sizes("pad", spatial, 0, least=0)
        dilation = self._sizes("dilation", spatial, 1, least=1)
        return tuple(Window(*sizes) for sizes in zip(kernel, stride, pad, dilation))

    def _sizes(self, name, spatial, default, least):
        field, repeated, pair = self._given[name]
        error = self._fields.error
        if pair is not None:
            if spatial != 2:
                raise error(
                    f"{name}_h and {name}_w are for two spatial axes", f"{name}_h", got=spatial, want=f"{field} instead"
                )
            if repeated:
                raise error(f"both {field} and {name}_h or {name}_w are given", field, want="one of them")
            sizes, field = pair, f"{name}_h"
        elif len(repeated) == 1 or (default is not None and not repeated):
            sizes = [repeated[0] if repeated else default] * spatial
        elif len(repeated) == spatial:
            sizes = repeated
        else:
            want = "one value" if spatial == 1 else f"one value, or one for each of the {spatial} spatial axes"
            if not repeated:
                raise error(f"{field} is missing", want=want)
            raise error(f"wrong number of {field} values", field, got=len(repeated), want=want)
        if any(size < least for size in sizes):
            raise error(f"{name} is too small", field, got=" x ".join(map(str, sizes)), want=f"{least} or more")
        return sizes


def enter(x, axis):
    """Returns Keras tensor `x` as (M, spatial..., C), where Caffe's `axis` is C and the axes before it make M."""
    rank = len(x.shape)
    if rank == 4 and axis == 1:
        return x
    x = to_caffe(x)
    if axis != 1:
        x = ops.reshape(x, (-1, *x.shape[axis:])) if axis > 1 else ops.expand_dims(x, 0)
    return ops.moveaxis(x, 1, -1)


def leave(y, axis, shape):
    """Undoes `enter` for a tensor (M, spatial..., C) that becomes a blob of Caffe's `shape`."""
    if len(shape) == 4 and axis == 1:
        return y
    y = ops.moveaxis(y, -1, 1)
    if axis != 1:
        y = ops.reshape(y, (-1, *shape[1:])) if axis > 1 else ops.squeeze(y, 0)
    return from_caffe(y)
