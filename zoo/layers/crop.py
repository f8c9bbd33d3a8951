"""Crop."""

from zoo.layers.base.geometry import canonical_axis, keras_axis
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.registry import layer_type


@layer_type("Crop", source="crop_layer.cpp:16-143")
class Crop(LayerType):
    """The first bottom from `offset` on, in the sizes that the second has from `axis` on; other axes stay whole.

    No offset: 0; one: the same for all cropped axes; or one for each. The second bottom's values do not matter.
    Blobs: none.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "crop"
    bottom_count = 2
    fields = ("crop_param",)

    def read(self, p):
        self.axis, self.offset = p.axis, tuple(p.offset)

    def spans(self, bottoms):
        """Returns {axis: (offset, size)} of the cropped axes."""
        shape, like = bottoms
        first = canonical_axis(self.axis, len(shape), self.layer.at("crop_param.axis"))
        cropped = range(first, len(shape))
        if len(self.offset) > 1 and len(self.offset) != len(cropped):
            want = f"none, one, or one for each of the {len(cropped)} cropped axes"
            raise self.error("wrong number of offsets", "crop_param.offset", got=len(self.offset), want=want)
        if len(like) < len(shape):
            raise self.error("the second bottom lacks axes", "bottom", got=like, want=f"{len(shape)} axes")
        offsets = self.offset if len(self.offset) > 1 else (self.offset or (0,)) * len(cropped)
        for axis, offset in zip(cropped, offsets):
            if offset + like[axis] > shape[axis]:
                raise self.error(
                    f"the crop of axis {axis} reaches past the end",
                    "crop_param.offset",
                    got=f"offset {offset} and size {like[axis]}",
                    want=f"{shape[axis]} together or less",
                )
        return {axis: (offset, like[axis]) for axis, offset in zip(cropped, offsets)}

    def top_shapes(self, bottoms):
        """The first bottom's shape with the second's sizes."""
        spans = self.spans(bottoms)
        return (tuple(spans[axis][1] if axis in spans else size for axis, size in enumerate(bottoms[0])),)

    def build(self, site):
        """One slice; an axis that stays whole keeps its size, which for the batch may be any."""
        shape = site.bottoms[0]
        index = [slice(None)] * len(shape)
        for axis, (offset, size) in self.spans(site.bottoms).items():
            if (offset, size) != (0, shape[axis]):
                index[keras_axis(axis, len(shape))] = slice(offset, offset + size)
        return lambda x, like: x[tuple(index)]
