"""SPP: spatial pyramid pooling."""

from dataclasses import replace

from zoo.errors import UnsupportedError
from zoo.layers.base.geometry import count, pool_size, spp_window
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import to_caffe
from zoo.layers.ops.pooling import PoolGrid, pooler


@layer_type("SPP", source="spp_layer.cpp:18-202")
class SPP(LayerType):
    """Poolings of the whole plane into 2^i x 2^i bins for i below pyramid_height, as one vector of an item.

    Kernel = stride = ceil(H / bins), pad = (kernel * bins - H + 1) / 2, then pooled by Pooling's rule, which may give
    fewer bins. Bottom (N,C,H,W) -> top (N, sum C*bins); a pyramid of height 1 stays (N,C,1,1). Blobs: none.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    fields = ("spp_param",)

    def read(self, p):
        """Takes spp_param. Raises NetError for a pyramid without levels."""
        self.height, self.method = p.pyramid_height, p.enum("pool")
        p.no_effect("engine")
        if self.height < 1:
            raise p.error("pyramid_height is missing", "pyramid_height", got=self.height, want="1 or more")

    def levels(self, shape):
        """Returns [(windows, outs)] of each level."""
        levels = []
        for level in range(self.height):
            windows = tuple(spp_window(size, level) for size in shape[2:])
            padded = any(window.pad for window in windows)
            if any(window.pad >= window.kernel for window in windows):
                raise self.error(
                    f"level {level} of the pyramid has more bins than the plane has values",
                    "spp_param.pyramid_height",
                    got=f"{2**level} bins",
                    want=f"bins that {shape[2:]} can fill",
                )
            if padded and self.method == "STOCHASTIC":
                what = f"level {level} of the pyramid needs padding, which STOCHASTIC does not support"
                raise self.error(what, "spp_param.pool", got=shape[2:], want=f"multiples of {2**level}")
            levels.append((windows, tuple(pool_size(*axis, padded=padded) for axis in zip(shape[2:], windows))))
        return levels

    def top_shapes(self, bottoms):
        """All bins of an item in one row."""
        (shape,) = bottoms
        if len(shape) != 4 or min(shape[2:]) < 1:
            raise self.error("SPP takes (N,C,H,W)", "bottom", got=shape, want="4 axes, none empty")
        outs = [outs for _, outs in self.levels(shape)]
        if self.height == 1:
            return ((*shape[:2], *outs[0]),)
        return ((shape[0], shape[1] * sum(count(out) for out in outs)),)

    def build(self, site):
        """Poolings side by side."""
        if self.method == "STOCHASTIC" and site.phase == "TRAIN" and site.portable:
            raise UnsupportedError("STOCHASTIC pooling cannot be exported for training", at=self.layer.at())
        shape = site.bottoms[0]
        levels = self.levels(shape)
        poolers = [
            pooler(
                PoolGrid(shape[2:], *level), self.method, replace(site, seed=site.seed + i), f"{site.name}__level{i}"
            )
            for i, level in enumerate(levels)
        ]
        if self.height == 1:
            return poolers[0]

        def pyramid(x):
            rows = [
                ops.reshape(to_caffe(pool(x)), (-1, shape[1] * count(outs))) for pool, (_, outs) in zip(poolers, levels)
            ]
            return ops.concatenate(rows, axis=1)

        return pyramid
