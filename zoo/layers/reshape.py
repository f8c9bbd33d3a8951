"""Reshape: the same values, in Caffe's order, under other axes."""

from zoo.layers.base.geometry import count
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import from_caffe, to_caffe


@layer_type("Reshape", source="reshape_layer.cpp:7-91")
class Reshape(LayerType):
    """Axes `axis` to axis + num_axes (-1: all that follow) are replaced by those of `shape`.

    A dim of 0 copies the bottom's at the same place, one -1 takes what is left. A negative axis counts from behind the
    last one. No blobs. Where the first axis is copied, kept or inferred, the batch may be of any size.
    """

    reads_bottom_in_backward = False
    aliases_bottom = "always"
    aliases_gradient = True
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    fields = ("reshape_param",)

    def read(self, p):
        self.dims, self.axis, self.num_axes = tuple(p.shape.dim), p.axis, p.num_axes
        if any(dim < -1 for dim in self.dims) or self.dims.count(-1) > 1:
            raise p.error("dims are 0 or more, or -1 once", "shape", got=self.dims)
        if self.num_axes < -1:
            raise p.error("num_axes is 0 or more, or -1 for all", "num_axes", got=self.num_axes)

    def span(self, bottom):
        """Returns (first, end) of the bottom's axes that are replaced."""
        rank = len(bottom)
        start = self.axis if self.axis >= 0 else rank + 1 + self.axis
        end = rank if self.num_axes == -1 else start + self.num_axes
        if not 0 <= start <= rank:
            want = f"{-rank - 1} to {rank}"
            raise self.error("no such axis", "reshape_param.axis", got=self.axis, want=want)
        if not start <= end <= rank:
            raise self.error(
                "axis + num_axes goes past the last axis", "reshape_param.num_axes", got=end, want=f"up to {rank}"
            )
        return start, end

    def top_shapes(self, bottoms):
        (bottom,) = bottoms
        start, end = self.span(bottom)
        new = list(self.dims)
        for i, dim in enumerate(new):
            if dim == 0:
                if start + i >= len(bottom):
                    raise self.error("a dim of 0 has no axis to copy", "reshape_param.shape", got=bottom)
                new[i] = bottom[start + i]
        if -1 in new:
            known = count(bottom[:start]) * count(bottom[end:]) * count([dim for dim in new if dim != -1])
            if known == 0 or count(bottom) % known:
                raise self.error("dim -1 cannot be inferred", "reshape_param.shape", got=bottom, want=self.dims)
            new[new.index(-1)] = count(bottom) // known
        top = (*bottom[:start], *new, *bottom[end:])
        if count(top) != count(bottom):
            raise self.error(
                "the number of values changes", "reshape_param.shape", got=top, want=f"as many as {bottom}"
            )
        return (top,)

    def build(self, site):
        """A reshape in Caffe's order, its first free axis left open where that is the batch's."""
        (bottom,), (top,) = site.bottoms, site.tops
        start, _ = self.span(bottom)
        target = list(top)
        if top and (start > 0 or self.dims[:1] in ((0,), (-1,))):
            target[0] = -1
        elif -1 in self.dims:
            target[self.dims.index(-1)] = -1
        return lambda x: from_caffe(ops.reshape(to_caffe(x), target))
