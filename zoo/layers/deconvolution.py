"""Deconvolution: the transpose of a convolution."""

from zoo.errors import UnsupportedError
from zoo.layers.base.blobs import BlobMap, BlobSpec
from zoo.layers.base.geometry import count, deconv_size
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import keras, ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.conv_windows import SlidingWindow, enter, leave
from zoo.layers.ops.variables import adopt, reader

_STOCK = {1: "Conv1DTranspose", 2: "Conv2DTranspose", 3: "Conv3DTranspose"}  # of keras.layers


@layer_type("Deconvolution", source="base_conv_layer.cpp:12-255, deconv_layer.cpp:8-40")
class Deconvolution(LayerType):
    """out = s (in - 1) + d(k-1)+1 - 2p: each value lays its multiple of the kernel, and p is cut from every side.

    Bottoms (N,C,H,W), all of one shape -> as many tops (N,num_output,H',W') by the same weights. Up to three spatial
    axes follow `axis`. Blobs: weight (C, num_output/group, kernel...), bias (num_output).
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "transposed window"
    bottom_count = (1, None)
    top_count = (1, None)
    fields = ("convolution_param",)

    def read(self, p):
        """Takes convolution_param. Raises NetError for a missing num_output or a group that cannot be."""
        self.window = SlidingWindow(p)
        self.num_output, self.group, self.bias_term = p.num_output, p.group, p.bias_term
        self.weight_filler, self.bias_filler = p.weight_filler, p.bias_filler
        if self.num_output < 1:
            raise p.error("num_output is missing", "num_output", got=self.num_output, want="1 or more")
        if self.group < 1 or self.num_output % self.group:
            want = f"a divisor of num_output {self.num_output}"
            raise p.error("group does not divide num_output", "group", got=self.group, want=want)
        if len(self.layer.tops) != len(self.layer.bottoms):
            got = f"{len(self.layer.bottoms)} bottoms and {len(self.layer.tops)} tops"
            raise self.error("there is one top for each bottom", "top", got=got)

    def top_shapes(self, bottoms):
        """One shape, once for each bottom."""
        shape = bottoms[0]
        axis, windows = self.window.axis(shape), self.window.windows(shape)
        if not 1 <= len(windows) <= 3:
            what = "deconvolution is carried out over one to three spatial axes"
            raise UnsupportedError(what, at=self.layer.at("bottom"), got=len(windows))
        if shape[axis] % self.group:
            want = f"a divisor of the {shape[axis]} channels"
            raise self.error("group does not divide the channels", "convolution_param.group", got=self.group, want=want)
        for bottom in bottoms[1:]:
            if bottom != shape:
                raise self.error("the bottoms differ in shape", "bottom", got=bottom, want=shape)
        spatial = tuple(deconv_size(size, window) for size, window in zip(shape[axis + 1 :], windows))
        if min(spatial) < 1:
            raise self.error("the padding cuts everything away", got=f"top {spatial}", want="sizes above 0")
        return ((*shape[:axis], self.num_output, *spatial),) * len(bottoms)

    def blobs(self, bottoms):
        """Weight and, with bias_term, bias."""
        shape = bottoms[0]
        kernel = [window.kernel for window in self.window.windows(shape)]
        weight = (shape[self.window.axis(shape)], self.num_output // self.group, *kernel)
        moved = BlobMap(weight, (*range(2, len(weight)), 1, 0), (*kernel, weight[1], weight[0]))
        specs = (BlobSpec(weight, "kernel", self.weight_filler, moved),)
        return specs + ((BlobSpec((self.num_output,), "bias", self.bias_filler),) if self.bias_term else ())

    def build(self, site):
        """A stock layer for one group; TensorFlow's kernels or a convolution of x spread out for more, or dilated."""
        shape, top = site.bottoms[0], site.tops[0]
        axis, windows = self.window.axis(shape), self.window.windows(shape)
        dilated = any(window.dilation > 1 for window in windows)
        if dilated or (self.group > 1 and (site.portable or len(windows) != 2)):
            transpose = self._spread(site, windows)
        elif self.group > 1:
            from zoo.layers.keras_layers.conv2d_transpose import GroupedConv2DTranspose

            transpose = GroupedConv2DTranspose(site.variables, windows, self.group, name=site.name)
        else:
            transpose = adopt(
                getattr(keras.layers, _STOCK[len(windows)])(
                    self.num_output,
                    [window.kernel for window in windows],
                    [window.stride for window in windows],
                    "valid",
                    data_format="channels_last",
                    use_bias=self.bias_term,
                    name=site.name,
                ),
                dict(zip(("kernel", "bias"), site.variables)),
            )
        cut = [slice(window.pad, window.pad + size) for window, size in zip(windows, top[axis + 1 :])]

        def one(x):
            return leave(transpose(enter(x, axis))[(slice(None), *cut)], axis, top)

        return lambda *bottoms: tuple(one(x) for x in bottoms)

    def _spread(self, site, windows):
        """The full transpose as a convolution: zeros between the values and around, the kernel turned round."""
        names = (f"{site.name}__kernel", f"{site.name}__bias")
        readers = [reader(variable, name, site.portable) for variable, name in zip(site.variables, names)]
        around = [(window.extent - 1, window.extent - 1) for window in windows]
        dilation = [window.dilation for window in windows]
        spatial = list(range(len(windows)))

        def transpose(x):
            kernel = ops.swapaxes(ops.flip(readers[0](x), axis=spatial), -1, -2)  # (..., C, num_output / group)
            for i, window in enumerate(windows, start=1):
                x = _spread_axis(x, i, window.stride)
            x = ops.pad(x, [(0, 0), *around, (0, 0)])
            if 1 < self.group == x.shape[-1] and len(windows) < 3:
                y = ops.depthwise_conv(x, kernel, 1, "valid", "channels_last", dilation)
            else:
                parts = zip(ops.split(x, self.group, -1), ops.split(kernel, self.group, -2))
                y = [ops.conv(*part, 1, "valid", "channels_last", dilation) for part in parts]
                y = ops.concatenate(y, -1) if self.group > 1 else y[0]
            return y + readers[1](x) if self.bias_term else y

        return transpose

    def flops(self, bottoms, tops):
        """Multiply-adds of the kernel; the bias is not counted."""
        weight = self.blobs(bottoms)[0].count
        axis = self.window.axis(bottoms[0])
        return len(tops) * weight * count(bottoms[0], 0, axis) * count(bottoms[0], axis + 1)


def _spread_axis(x, axis, stride):
    """Puts stride - 1 zeros between the values of an axis."""
    if stride == 1:
        return x
    size, rest = x.shape[axis], x.shape[1:]
    x = ops.pad(
        ops.expand_dims(x, axis + 1), [(0, stride - 1) if i == axis + 1 else (0, 0) for i in range(len(rest) + 2)]
    )
    x = ops.reshape(x, (-1, *(n * stride if i == axis else n for i, n in enumerate(rest, start=1))))
    return x[(slice(None),) * axis + (slice(0, (size - 1) * stride + 1),)]
