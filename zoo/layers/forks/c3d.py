"""Convolution3D and Pooling3D of C3D: (N,C,L,H,W), with one size for L and one for both H and W."""

from zoo.layers.base.geometry import Window, pool_divisors, pool_size
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import keras, ops
from zoo.layers.base.registry import layer_type
from zoo.layers.base.window_convolution import WindowConvolution
from zoo.layers.ops.pooling import lowest


def _chosen(kind, old, new):
    """Returns that of the two messages which the text sets: version 1.0's, or 1.1's with 3d in its name."""
    at = kind.fields[1]
    if not kind.layer.message.HasField(at):
        return old
    if kind.layer.message.HasField(kind.fields[0]):
        raise kind.error(f"both {kind.fields[0]} and {at} are set", at, want="one of them")
    return new


class _Window:
    """The window that kernel_depth, kernel_size and their like make."""

    def __init__(self, p, layer):
        p.no_effect("engine", "conv_algos_override", "filter_group")  # the last saves memory alone
        self._layer = layer
        size = self._one(p, "kernel_size")
        if p.kernel_depth < 1 or size < 1:
            raise p.error("kernel_depth and kernel_size are both needed", "kernel_depth", got=(p.kernel_depth, size))
        stride, pad = self._one(p, "stride", 1), self._one(p, "pad", 0)
        if min(stride, p.temporal_stride) < 1:
            raise p.error("stride is too small", "stride", got=(p.temporal_stride, stride), want="1 or more")
        self._sizes = Window(p.kernel_depth, p.temporal_stride, p.temporal_pad), *[Window(size, stride, pad)] * 2

    @staticmethod
    def _one(p, name, default=0):
        given = tuple(getattr(p, name))
        if len(given) > 1:
            raise p.error(f"{name} is one number, for height and width", name, got=given)
        return given[0] if given else default

    def axis(self, shape):
        """The channels."""
        if len(shape) != 5:
            raise _axes_error(self._layer, shape)
        return 1

    def windows(self, shape):
        """A `Window` for each of L, H and W."""
        return self._sizes


def _axes_error(layer, shape):
    return layer.error("it takes (N,C,L,H,W)", "bottom", got=shape, want="5 axes")


@layer_type("Convolution3D", source="facebook/C3D@master convolution3d_layer.cpp:28-190")
class Convolution3D(WindowConvolution):
    """Convolution over L, H and W: kernel_depth, temporal_stride and temporal_pad along L, the others along H and W.

    Bottom (N,C,L,H,W) -> top (N,num_output,L',H',W'). Blobs: weight (num_output,C,kernel_depth,k,k), bias (num_output).
    """

    bottom_count = 1
    top_count = 1
    fields = ("convolution_param", "convolution3d_param")

    def read(self, old, new):
        """Takes convolution_param or convolution3d_param. Raises NetError for groups, which the fork does not have."""
        p = _chosen(self, old, new)
        super().read(p)
        if self.group != 1:
            raise p.error("Convolution3D has no groups", "group", got=self.group, want=1)

    def read_window(self, p):
        """The window of C3D's fields."""
        return _Window(p, self)


@layer_type("Pooling3D", source="facebook/C3D@master pool3d_layer.cpp:34-265")
class Pooling3D(LayerType):
    """MAX or AVE of windows over L, H and W; out = ceil((in + 2p - k) / s) + 1, no window is left out.

    pad goes around H and W for AVE only, which divides by the window's size clipped at H + p. A window outside of the
    bottom, as where the stride is larger than the kernel, gives -FLT_MAX or 0, which is 0/0 where that size is 0. Of
    equal maxima in a window the fork gives each the gradient.
    Bottom (N,C,L,H,W) -> top (N,C,L',H',W'). Blobs: none.
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    fields = ("pooling_param", "pooling3d_param")

    def read(self, old, new):
        """Takes pooling_param or pooling3d_param. Raises NetError for what the fork refuses."""
        p = _chosen(self, old, new)
        p.no_effect("engine")
        self.method = p.enum("pool")
        if self.method == "STOCHASTIC":
            raise p.error("the fork has no STOCHASTIC pooling over three axes", "pool", want="MAX or AVE")
        if min(p.kernel_depth, p.kernel_size) < 1:
            got = (p.kernel_depth, p.kernel_size)
            raise p.error("kernel_depth and kernel_size are both needed", "kernel_depth", got=got)
        if min(p.stride, p.temporal_stride) < 1:
            raise p.error("stride is too small", "stride", got=(p.temporal_stride, p.stride), want="1 or more")
        if p.pad and self.method == "MAX":
            raise p.error("padding is for AVE only", "pad", got=p.pad, want=0)
        if p.pad >= p.kernel_size:
            raise p.error("padding must be smaller than the kernel", "pad", got=p.pad, want=f"below {p.kernel_size}")
        plane = Window(p.kernel_size, p.stride, p.pad)
        self.windows = Window(p.kernel_depth, p.temporal_stride), plane, plane

    def top_shapes(self, bottoms):
        """The pooled shape."""
        (shape,) = bottoms
        if len(shape) != 5:
            raise _axes_error(self, shape)
        outs = tuple(pool_size(size, window, padded=False) for size, window in zip(shape[2:], self.windows))
        if min(outs) < 1:
            raise self.error("the kernel is larger than the padded bottom", "bottom", got=shape[2:])
        return ((*shape[:2], *outs),)

    def build(self, site):
        """Keras's pooling of a padded bottom, and factors where windows hang over."""
        sizes, outs = site.bottoms[0][2:], site.tops[0][2:]
        ends = [
            max(0, (out - 1) * w.stride + w.kernel - size - w.pad) for size, w, out in zip(sizes, self.windows, outs)
        ]
        pads = [(0, 0), *((w.pad, end) for w, end in zip(self.windows, ends)), (0, 0)]
        kernel, strides = ([getattr(w, what) for w in self.windows] for what in ("kernel", "stride"))
        kind = keras.layers.MaxPooling3D if self.method == "MAX" else keras.layers.AveragePooling3D
        pooling = kind(kernel, strides, "valid", data_format="channels_last", name=site.name)
        divisors = [pool_divisors(*axis) for axis in zip(sizes, self.windows, outs)]

        def pool(x):
            x = ops.moveaxis(x, 1, -1)
            if any(end for pair in pads for end in pair):
                x = ops.pad(x, pads, constant_values=lowest(x) if self.method == "MAX" else 0.0)
            y = pooling(x)
            if self.method == "AVE":
                for axis, (window, counts) in enumerate(zip(self.windows, divisors), 1):
                    if any(count != window.kernel for count in counts):
                        factors = [window.kernel / count if count else float("nan") for count in counts]
                        factors = ops.convert_to_tensor(factors, y.dtype)
                        y = y * ops.reshape(factors, [-1 if each == axis else 1 for each in range(5)])
            return ops.moveaxis(y, -1, 1)

        return pool
