"""Im2col: the columns that a convolution multiplies with its weights."""

import itertools

from zoo.layers.base.geometry import conv_size, count, cover
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.conv_windows import SlidingWindow, enter, leave


@layer_type("Im2col", source="im2col_layer.cpp:9-159")
class Im2col(LayerType):
    """The values of each window as channels: channel c, row i, column j of the kernel -> channel (c * kh + i) * kw + j.

    Bottom (N,C,H,W) -> top (N,C*kh*kw,H',W'), sizes as of Convolution; any number of spatial axes. Blobs: none.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "window"
    fields = ("convolution_param",)

    def read(self, p):
        """Takes the windows from convolution_param; its other fields have no meaning here."""
        self.window = SlidingWindow(p)

    def top_shapes(self, bottoms):
        """Kernel values as channels, windows as pixels."""
        (shape,) = bottoms
        axis, windows = self.window.axis(shape), self.window.windows(shape)
        if not windows:
            raise self.error("there is no spatial axis after the channels", "bottom", got=shape)
        spatial = tuple(conv_size(size, window) for size, window in zip(shape[axis + 1 :], windows))
        if min(spatial) < 1:
            raise self.error("the kernel is larger than the padded bottom", got=f"top {spatial}", want="sizes above 0")
        return ((*shape[:axis], shape[axis] * count([window.kernel for window in windows]), *spatial),)

    def build(self, site):
        """One strided slice for each value of the kernel."""
        (shape,), (top,) = site.bottoms, site.tops
        axis, windows = self.window.axis(shape), self.window.windows(shape)
        sizes, outs = shape[axis + 1 :], top[axis + 1 :]
        pads = [cover(*each) for each in zip(sizes, windows, outs)]

        def columns(x):
            x = ops.pad(enter(x, axis), [(0, 0), *pads, (0, 0)])
            taps = []
            for place in itertools.product(*(range(window.kernel) for window in windows)):
                starts = [i * window.dilation for i, window in zip(place, windows)]
                spans = [
                    slice(start, start + (out - 1) * window.stride + 1, window.stride)
                    for start, out, window in zip(starts, outs, windows)
                ]
                taps.append(x[(slice(None), *spans)])
            y = ops.stack(taps, axis=-1)
            return leave(ops.reshape(y, (-1, *outs, top[axis])), axis, top)

        return columns
