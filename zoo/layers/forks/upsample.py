"""Upsample: max pooling undone by its mask (SegNet), or every value repeated (YOLO)."""

import math

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.unpool import unpool


class _Upsample(LayerType):
    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms: tuple[int, ...] = ()
    pixel_map = None
    fields = ("upsample_param",)

    @classmethod
    def sign(cls, message):
        """The number of bottoms."""
        count = len(message.bottom)
        return f"it has {count} bottom{'s' * (count > 1)}" if count == cls.bottom_count else None

    def check_axes(self, shape):
        """Raises NetError unless a bottom is (N,C,H,W)."""
        if len(shape) != 4:
            raise self.error("Upsample takes (N,C,H,W)", "bottom", got=shape, want="4 axes")


@layer_type("Upsample", source="alexgkendall/caffe-segnet@segnet-cleaned upsample_layer.cpp:12-125", variant="segnet")
class SegNetUpsample(_Upsample):
    """Zeros, with value i of each plane at the place mask[i] = h W' + w; of several at one place the last stays.

    H' is upsample_h, or H times scale_h or scale, less 1 with pad_out_h; W' alike. Bottoms: data and mask, both
    (N,C,H,W) -> top (N,C,H',W'). The gradient of each value is that at its place, also of one that did not stay.
    A place outside the plane makes the top NaN. Blobs: none.
    """

    usual = True
    reads_bottom_in_backward = True
    no_gradient_bottoms = (1,)
    bottom_count = 2

    def read(self, p):
        """Takes upsample_param. Raises NetError for what the fork refuses."""
        sized = p.has("upsample_h"), p.has("upsample_w")
        scaled = p.has("scale_h"), p.has("scale_w")
        self.size = (p.upsample_h, p.upsample_w) if all(sized) else None
        self.scale = (p.scale_h, p.scale_w) if all(scaled) else (p.scale, p.scale)
        self.less = (int(p.pad_out_h), int(p.pad_out_w))
        if self.size:
            if min(self.size) < 2:
                raise p.error("upsample_h and upsample_w must be above 1", "upsample_h", got=self.size)
            return
        if any(sized):
            field = "upsample_h" if sized[0] else "upsample_w"
            raise p.error("upsample_h and upsample_w are given together", field, got=f"{field} alone")
        if any(scaled) and (p.has("scale") or not all(scaled)):
            field = "scale_h" if scaled[0] else "scale_w"
            raise p.error("the factor is scale, or scale_h and scale_w", field)
        for name, scale, less in zip("hw", self.scale, self.less):
            field = f"scale_{name}" if all(scaled) else "scale"
            if scale < 2:
                raise p.error("scale must be above 1", field, got=scale, want="2 or more")
            if less and scale != 2:
                raise p.error(f"pad_out_{name} is for a scale of 2", f"pad_out_{name}", got=f"scale {scale}", want=2)

    def top_shapes(self, bottoms):
        """The new size. Raises NetError unless the bottoms have one shape."""
        shape, mask = bottoms
        self.check_axes(shape)
        if mask != shape:
            raise self.error("the mask needs the shape of the data", "bottom", got=mask, want=shape)
        size = self.size or tuple(old * by - less for old, by, less in zip(shape[2:], self.scale, self.less))
        return ((*shape[:2], *size),)

    def lookups(self, bottoms):
        """Places in a plane of the top."""
        return {1: (math.prod(self.top_shapes(bottoms)[0][2:]), None)}

    def fixes_batch(self, bottoms):
        """Values are laid out over the planes of a whole batch."""
        return f'layer "{self.layer.name}" lays values out over a whole batch'

    def build(self, site):
        """keras.ops only."""
        top = site.tops[0]
        return lambda x, mask: unpool(x, mask, top)


@layer_type("Upsample", source="ChenYingpeng/caffe-yolov3@master upsample_layer.cpp:10-90", variant="yolo")
class YoloUpsample(_Upsample):
    """Every value `scale` times in both directions: top[h, w] = bottom[h / scale, w / scale].

    Bottom (N,C,H,W) -> top (N,C,H scale,W scale). Blobs: none.
    """

    def read(self, p):
        """Takes upsample_param, of which that fork has `scale` alone, 1 where it is not set."""
        self.scale = p.scale if p.has("scale") else 1
        if self.scale < 1:
            raise p.error("scale must be positive", "scale", got=self.scale, want="1 or more")

    def top_shapes(self, bottoms):
        """The new size."""
        (shape,) = bottoms
        self.check_axes(shape)
        return ((*shape[:2], *(size * self.scale for size in shape[2:])),)

    def build(self, site):
        """Two repetitions."""
        return lambda x: ops.repeat(ops.repeat(x, self.scale, axis=1), self.scale, axis=2)
