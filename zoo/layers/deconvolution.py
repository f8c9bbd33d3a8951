"""Deconvolution: the transpose of a convolution."""

from zoo.layers.base.blobs import BlobMap, BlobSpec
from zoo.layers.base.convolution_type import ConvolutionType
from zoo.layers.base.geometry import deconv_size
from zoo.layers.base.lazy import keras, ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.conv_windows import enter, leave
from zoo.layers.ops.variables import inject, reader

_STOCK = {1: "Conv1DTranspose", 2: "Conv2DTranspose", 3: "Conv3DTranspose"}  # of keras.layers


@layer_type("Deconvolution", source="base_conv_layer.cpp:12-255, deconv_layer.cpp:8-40")
class Deconvolution(ConvolutionType):
    """out = s (in - 1) + d(k-1)+1 - 2p: each value lays its multiple of the kernel, and p is cut from every side.

    Bottoms (N,C,H,W), all of one shape -> as many tops (N,num_output,H',W') by the same weights. Up to three spatial
    axes follow `axis`. Blobs: weight (C, num_output/group, kernel...), bias (num_output).
    """

    pixel_map = "transposed window"
    least_axes = 1
    positions = "bottoms"
    too_small = "the padding leaves nothing of the output"

    def _spatial(self, size, window):
        return deconv_size(size, window)

    def blobs(self, bottoms):
        """Weight and, with bias_term, bias."""
        shape = bottoms[0]
        kernel = [window.kernel for window in self.window.windows(shape)]
        weight = (shape[self.window.axis(shape)], self.num_output // self.group, *kernel)
        moved = BlobMap(weight, (*range(2, len(weight)), 1, 0), (*kernel, weight[1], weight[0]))
        specs = (BlobSpec(weight, "kernel", self.weight_filler, moved),)
        return specs + self._bias()

    def follows_plane(self, bottoms):
        """A plane, with a kernel at least as large as its stride and nothing dilated or in groups."""
        shape = bottoms[0]
        if len(shape) != 4 or self.window.axis(shape) != 1 or self.group > 1:
            return False
        return all(window.dilation == 1 and window.kernel >= window.stride for window in self.window.windows(shape))

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
            transpose = inject(
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
        cut = [
            slice(window.pad, (-window.pad or None) if size is None else window.pad + size)
            for window, size in zip(windows, top[axis + 1 :])
        ]

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
