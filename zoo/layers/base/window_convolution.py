"""The convolution that Convolution and its relatives in forks are."""

import math

from zoo.layers.base.blobs import BlobMap, BlobSpec
from zoo.layers.base.convolution_type import ConvolutionType
from zoo.layers.base.geometry import conv_size, cover, same_is_exact
from zoo.layers.base.lazy import keras, ops
from zoo.layers.ops.broadcast import add
from zoo.layers.ops.conv_windows import enter, leave
from zoo.layers.ops.variables import inject, reader

_STOCK = {1: "Conv1D", 2: "Conv2D", 3: "Conv3D"}  # of keras.layers, by the number of spatial axes


class WindowConvolution(ConvolutionType):
    """out = (in + 2p - (d(k-1)+1)) / s + 1, rounded toward zero; the same weights for every bottom.

    Bottoms (N,C,H,W), all of one shape -> as many tops (N,num_output,H',W'). Any number of spatial axes up to three
    follow `axis`, the channels; the axes before it are one batch. Blobs: weight (num_output, C/group, kernel...), bias
    (num_output).
    """

    pixel_map = "window"
    least_axes = 0
    positions = "tops"
    too_small = "the kernel is larger than the padded bottom"

    def _spatial(self, size, window):
        return conv_size(size, window)

    def blobs(self, bottoms):
        """Weight and, with bias_term, bias."""
        shape = bottoms[0]
        windows = self.window.windows(shape)
        channels = shape[self.window.axis(shape)]
        weight = (self.num_output, channels // self.group, *(window.kernel for window in windows))
        if self._depthwise(shape):
            split = (channels, self.num_output // channels, *weight[2:])
            moved = BlobMap(split, (2, 3, 0, 1), (*weight[2:], *split[:2]))
        else:
            perm = (*range(2, len(weight)), 1, 0)
            kernel = tuple(weight[axis] for axis in perm)
            moved = BlobMap(weight, perm, kernel if windows else (1, *kernel))
        specs = (BlobSpec(weight, "kernel", self.weight_filler, moved),)
        return specs + self._bias()

    def _depthwise(self, shape):
        """Whether Keras's DepthwiseConv2D does it: one input channel a group, one stride, no stride with dilation."""
        windows = self.window.windows(shape)
        if len(windows) != 2 or self.group == 1 or self.group != shape[self.window.axis(shape)]:
            return False
        taken = _Taken(windows, (None, None), (None, None))
        return taken.strides[0] == taken.strides[1]

    def follows_plane(self, bottoms):
        """Where a kernel fits into the padded plane: Caffe has one window more than there are where it does not."""
        return _fits(bottoms[0], self.window)

    def build(self, site):
        """Stock Keras layers; with TensorFlow, one of its own where padding or groups are cheaper in the kernel."""
        shape, top = site.bottoms[0], site.tops[0]
        axis, windows = self.window.axis(shape), self.window.windows(shape)
        taken = _Taken(windows, shape[axis + 1 :], top[axis + 1 :])
        if self._depthwise(shape):
            convolve = inject(
                keras.layers.DepthwiseConv2D(
                    [window.kernel for window in windows],
                    taken.strides,
                    taken.stock_padding,
                    depth_multiplier=self.num_output // shape[axis],
                    data_format="channels_last",
                    dilation_rate=taken.dilation,
                    use_bias=self.bias_term,
                    name=site.name,
                ),
                dict(zip(("kernel", "bias"), site.variables)),
            )
            pad_first = True
        elif site.portable and self.group > 1 and len(windows) == 2:
            convolve, pad_first = self._by_groups(site, taken), True
        elif site.portable or len(windows) != 2 or (self.group == 1 and taken.padding in ("same", "valid")):
            convolve = inject(
                getattr(keras.layers, _STOCK[max(1, len(windows))])(
                    self.num_output,
                    [window.kernel for window in windows] or 1,
                    taken.strides or 1,
                    taken.stock_padding,
                    data_format="channels_last",
                    dilation_rate=taken.dilation or 1,
                    groups=self.group,
                    use_bias=self.bias_term,
                    name=site.name,
                ),
                dict(zip(("kernel", "bias"), site.variables)),
            )
            pad_first = True
        else:
            from zoo.layers.keras_layers.conv2d import TensorFlowConv2D

            convolve = TensorFlowConv2D(site.variables, taken, self.group, name=site.name)
            pad_first = convolve.pad_first

        def one(x):
            x = enter(x, axis)
            if not windows:
                x = ops.expand_dims(x, 1)
            if pad_first:
                x = taken.pad(x)
            y = taken.thin(convolve(taken.skip(x)))
            return leave(y if windows else ops.squeeze(y, 1), axis, top)

        return lambda *bottoms: tuple(one(x) for x in bottoms)

    def _by_groups(self, site, taken):
        """A convolution for each group, of keras.ops: stock Conv2D has XLA compile groups on a CPU, which is slower."""
        names = [f"{site.name}__{name}" for name in ("kernel", "bias")]
        readers = [reader(variable, name, True) for variable, name in zip(site.variables, names)]
        strides, dilation = tuple(taken.strides), tuple(taken.dilation)

        def convolve(x):
            kernels = ops.split(readers[0](x), self.group, axis=-1)
            parts = zip(ops.split(x, self.group, axis=-1), kernels)
            how = strides, taken.stock_padding, "channels_last", dilation
            y = ops.concatenate([ops.conv(part, kernel, *how) for part, kernel in parts], axis=-1)
            return add(y, readers[1](x)) if self.bias_term else y

        return convolve


def _fits(shape, window):
    """Whether a blob (N,C,H,W) is convolved over H and W, and each kernel lies in the padded plane."""
    if len(shape) != 4 or window.axis(shape) != 1:
        return False
    return all(size + 2 * each.pad >= each.extent for size, each in zip(shape[2:], window.windows(shape)))


class _Taken:
    """How the windows are taken by kernels that know no stride together with dilation, and pad as TensorFlow does.

    A common divisor g of stride and dilation means that only every g-th value of an axis is seen: it is taken first.
    Where stride and dilation still meet, every window is computed and every stride-th kept. Of an axis whose size is
    None, all of Caffe's padding is there, whether a window reaches it or not.
    """

    def __init__(self, windows, sizes, outs):
        steps = [math.gcd(window.stride, window.dilation) for window in windows]
        strides = [window.stride // step for window, step in zip(windows, steps)]
        self.dilation = [window.dilation // step for window, step in zip(windows, steps)]
        meet = any(stride > 1 for stride in strides) and any(dilation > 1 for dilation in self.dilation)
        self.strides = [1] * len(windows) if meet else strides
        self._steps = steps if any(step > 1 for step in steps) else None
        self._kept = [(stride, out) for stride, out in zip(strides, outs)] if meet else None
        self.pads = [
            (window.pad, window.pad) if size is None else cover(size, window, out)
            for size, window, out in zip(sizes, windows, outs)
        ]
        if not any(before or after for before, after in self.pads):
            self.padding = "valid"
        elif not meet and not self._steps and all(_same(*axis) for axis in zip(sizes, windows, outs)):
            self.padding = "same"
        else:
            self.padding = "explicit"
        self.stock_padding = "same" if self.padding == "same" else "valid"

    def pad(self, x):
        """Pads (M, spatial..., C) with zeros where the kernel will not."""
        return ops.pad(x, [(0, 0), *self.pads, (0, 0)]) if self.padding == "explicit" else x

    def skip(self, x):
        """Keeps the values that any window sees."""
        return x[(slice(None), *(slice(None, None, step) for step in self._steps))] if self._steps else x

    def thin(self, y):
        """Keeps the windows that are asked for."""
        if not self._kept:
            return y
        ends = [None if out is None else (out - 1) * stride + 1 for stride, out in self._kept]
        return y[(slice(None), *(slice(0, end, stride) for end, (stride, _) in zip(ends, self._kept)))]


def _same(size, window, out):
    """Whether TensorFlow's SAME lays the windows as Caffe does, at every size where `size` is None."""
    if size is None:
        return window.stride == 1 and 2 * window.pad == window.extent - 1
    return same_is_exact(size, window, out)
