"""Pooling."""

import numpy as np

from zoo.errors import UnsupportedError
from zoo.layers.base.geometry import Window, pool_size
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.pooling import PoolGrid, max_mask, pooler


@layer_type("Pooling", source="pooling_layer.cpp:14-320, pooling_layer.cu:83-154")
class Pooling(LayerType):
    """out = ceil((H + 2p - k)/s) + 1 (or floor); with padding, one less when the last window starts at or past H + p.

    round_mode says which, or ceil_mode as in some forks. MAX: padding never wins. AVE: sum / window area clipped at
    H + p, so that padding counts and what hangs over does not; neither does with Intel's avg_include_pad: false.
    STOCHASTIC: in TRAIN one value of the window, with probability in proportion to it; in TEST sum(x^2)/sum(x).
    Bottom (N,C,H,W) -> tops (N,C,H',W')[, for MAX the first maximum's place h * W + w]. Blobs: none.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "window"
    top_count = (1, 2)
    fields = ("pooling_param",)

    def read(self, p):
        """Takes pooling_param. Raises NetError for what PoolingLayer::LayerSetUp refuses (pooling_layer.cpp:14-77)."""
        self.method, self.ceil, self.whole = p.enum("pool"), p.enum("round_mode") == "CEIL", p.global_pooling
        if p.has("ceil_mode"):
            if p.has("round_mode") and p.ceil_mode != self.ceil:
                raise p.error("ceil_mode and round_mode contradict each other", "ceil_mode", want="one of them")
            self.ceil = p.ceil_mode
        self.counted = p.avg_include_pad
        p.no_effect("engine")
        square, pair = p.has("kernel_size"), (p.has("kernel_h"), p.has("kernel_w"))
        if self.whole and (square or any(pair)):
            raise p.error("global_pooling takes the whole plane, so no kernel can be given", "global_pooling")
        if not self.whole and (any(pair) if square else not all(pair)):
            field = "kernel_size" if square else "kernel_h"
            raise p.error("the kernel is kernel_size, or kernel_h and kernel_w", field)
        self.kernel = (p.kernel_size,) * 2 if square else (p.kernel_h, p.kernel_w)
        self.pad = self._pair(p, "pad")
        self.stride = self._pair(p, "stride")
        if self.whole:
            self._refuse(p, self.pad != (0, 0) or self.stride != (1, 1), "global_pooling", "pad 0 and stride 1")
        else:
            self._refuse(p, min(self.kernel) < 1, "kernel_size", "a kernel of 1 or more")
        self._refuse(p, min(self.stride) < 1, "stride", "a stride of 1 or more")
        if self.pad != (0, 0):
            self._refuse(p, self.method == "STOCHASTIC", "pad", "no padding for STOCHASTIC")
            beyond = any(pad >= kernel for pad, kernel in zip(self.pad, self.kernel))
            self._refuse(p, beyond, "pad", "padding smaller than the kernel")
        if self.method != "MAX" and len(self.layer.tops) > 1:
            raise self.error("only MAX has a mask as second top", "top", got=self.method)

    def _pair(self, p, name):
        parts = (p.has(f"{name}_h"), p.has(f"{name}_w"))
        if any(parts) and (p.has(name) or not all(parts)):
            raise p.error(f"{name} is {name}, or {name}_h and {name}_w", name if p.has(name) else f"{name}_h")
        return (getattr(p, f"{name}_h"), getattr(p, f"{name}_w")) if all(parts) else (getattr(p, name),) * 2

    def _refuse(self, p, wrong, field, want):
        if wrong:
            got = f"kernel {self.kernel}, stride {self.stride}, pad {self.pad}"
            raise p.error("invalid pooling window", field, got=got, want=want)

    def windows(self, shape):
        """Returns the `Window` of each spatial axis of a bottom of Caffe's `shape`."""
        kernel = shape[2:] if self.whole else self.kernel
        return tuple(Window(*sizes) for sizes in zip(kernel, self.stride, self.pad))

    @property
    def draws(self):
        """Which value of a window is taken, with STOCHASTIC, in TRAIN."""
        return self.method == "STOCHASTIC"

    def top_shapes(self, bottoms):
        """The pooled shape, for both tops."""
        (shape,) = bottoms
        if len(shape) != 4:
            raise self.error("pooling takes (N,C,H,W)", "bottom", got=shape, want="4 axes")
        padded = self.pad != (0, 0)
        outs = tuple(pool_size(*axis, self.ceil, padded) for axis in zip(shape[2:], self.windows(shape)))
        if min(outs) < 1:
            raise self.error("the kernel is larger than the padded bottom", "bottom", got=shape[2:], want=self.kernel)
        return ((*shape[:2], *outs),) * len(self.layer.tops)

    def choices(self):
        """The mask."""
        return (1,) if len(self.layer.tops) > 1 else ()

    def chosen(self, bottom, top):
        """The values at the places of the mask."""
        places = top.reshape(*top.shape[:2], -1).astype(np.int64).clip(0)
        return np.take_along_axis(bottom.reshape(*bottom.shape[:2], -1), places, axis=2).reshape(top.shape)

    def follows_plane(self, bottoms):
        """MAX and AVE without a mask."""
        return len(self.layer.tops) == 1 and self.method != "STOCHASTIC"

    def build(self, site):
        """keras.ops; for a mask with TensorFlow, its kernel that gives both tops."""
        shape = site.bottoms[0]
        if None in shape[2:]:
            from zoo.layers.keras_layers.open_pool import OpenPool

            windows = None if self.whole else self.windows(shape)
            return OpenPool(windows, self.method, self.ceil, self.counted, name=site.name)
        grid = PoolGrid(shape[2:], self.windows(shape), site.tops[0][2:], self.counted)
        if self.method == "STOCHASTIC" and site.phase == "TRAIN" and site.portable:
            raise UnsupportedError("STOCHASTIC pooling cannot be exported for training", at=self.layer.at())
        pool = pooler(grid, self.method, site, site.name)
        if len(site.tops) == 1:
            return pool
        if site.portable or grid.empty:
            return lambda x: (pool(x), max_mask(x, grid))
        from zoo.layers.keras_layers.max_with_mask import MaxWithMask

        return MaxWithMask(grid, name=site.name)
