"""Flatten: several axes made one."""

from zoo.layers.base.geometry import canonical_axis, count
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import from_caffe, to_caffe


@layer_type("Flatten", source="flatten_layer.cpp:7-39")
class Flatten(LayerType):
    """Axes `axis` to `end_axis` (both included; by default all but the first) become one, in C,H,W order; no blobs."""

    reads_bottom_in_backward = False
    aliases_bottom = "always"
    moves_gradient_memory = True
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    fields = ("flatten_param",)

    def read(self, p):
        self.axis, self.end_axis = p.axis, p.end_axis

    def top_shapes(self, bottoms):
        (bottom,) = bottoms
        start = canonical_axis(self.axis, len(bottom), self.layer.at("flatten_param.axis"))
        end = canonical_axis(self.end_axis, len(bottom), self.layer.at("flatten_param.end_axis"), "end_axis") + 1
        if end < start:  # start == end is allowed and inserts an axis of length 1
            raise self.error("axis comes after end_axis", "flatten_param.axis", got=f"{start} to {end - 1}")
        return ((*bottom[:start], count(bottom, start, end), *bottom[end:]),)

    def build(self, site):
        """A reshape in Caffe's order; the batch may be of any size."""
        (top,) = site.tops
        return lambda x: from_caffe(ops.reshape(to_caffe(x), (-1, *top[1:])))
