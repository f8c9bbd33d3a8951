"""Interp: bilinear resizing whose corners stay in place."""

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.interpolate import aligned


@layer_type("Interp", source="hszhao/PSPNet@master interp_layer.cpp:11-90, util/interp.cpp:13-144")
class Interp(LayerType):
    """Bilinear, with output 0 and the last at the first and last input: ratio = (in - 1) / (out - 1) in float32.

    First the border goes: in = H + pad_beg + pad_end, both pads 0 or less. The size: shrink_factor s alone
    (in - 1) / s + 1; zoom_factor z alone in + (in - 1)(z - 1); else height and width; else both factors, s first.
    Bottom (N,C,H,W) -> top (N,C,H',W'). Blobs: none.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    fields = ("interp_param",)

    def read(self, p):
        """Takes interp_param. Raises NetError for what the fork refuses, and for sizes that it would not read."""
        self.crop = (-p.pad_beg, -p.pad_end)
        for name in ("pad_beg", "pad_end"):
            if getattr(p, name) > 0:
                raise p.error("only cropping is possible, with a pad of 0 or less", name, got=getattr(p, name))
        shrink, zoom = p.has("shrink_factor"), p.has("zoom_factor")
        self.shrink = p.shrink_factor if shrink else None
        self.zoom = p.zoom_factor if zoom else None
        for name in ("shrink_factor", "zoom_factor"):
            if getattr(p, name) < 1:
                raise p.error(f"{name} must be positive", name, got=getattr(p, name), want="1 or more")
        both = p.has("height") and p.has("width")
        self.size = (p.height, p.width) if both and shrink == zoom else None
        if not (shrink or zoom or both):
            raise p.error("the size is shrink_factor, zoom_factor, both, or height and width", want="one of them")

    def top_shapes(self, bottoms):
        """The new size. Raises NetError where nothing is left of an axis."""
        (shape,) = bottoms
        if len(shape) != 4:
            raise self.error("Interp takes (N,C,H,W)", "bottom", got=shape, want="4 axes")
        kept = tuple(size - sum(self.crop) for size in shape[2:])
        if min(kept) < 1:
            raise self.error("pad_beg and pad_end leave nothing", "interp_param", got=kept, want="sizes above 0")
        outs = self.size or tuple(self._scaled(size) for size in kept)
        if min(outs) < 1:
            raise self.error("height and width must be positive", "interp_param", got=outs, want="sizes above 0")
        return ((*shape[:2], *outs),)

    def _scaled(self, size):
        if self.shrink is not None:
            size = (size - 1) // self.shrink + 1
        return size + (size - 1) * (self.zoom - 1) if self.zoom is not None else size

    def build(self, site):
        """A slice, and TensorFlow's own kernel or keras.ops."""
        height, width = site.bottoms[0][2:]
        begin, end = self.crop
        resize = aligned((height - begin - end, width - begin - end), site.tops[0][2:], site)
        if not any(self.crop):
            return resize
        return lambda x: resize(x[:, begin : height - end, begin : width - end])
