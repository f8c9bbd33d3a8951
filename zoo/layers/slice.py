"""Slice: one blob cut into several along an axis."""

from zoo.layers.base.geometry import canonical_axis, keras_axis
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type


@layer_type("Slice", source="slice_layer.cpp:9-120")
class Slice(LayerType):
    """Cuts `axis` (or the legacy slice_dim) at each slice_point, or into equal parts where there is none. No blobs."""

    reads_bottom_in_backward = False
    aliases_bottom = "one top"
    aliases_gradient = True
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    top_count = (1, None)
    fields = ("slice_param",)

    def read(self, p):
        if p.has("axis") and p.has("slice_dim"):
            raise p.error("axis and the legacy slice_dim exclude each other", "slice_dim")
        self.field = "slice_dim" if p.has("slice_dim") else "axis"
        self.axis, self.points = getattr(p, self.field), tuple(p.slice_point)
        tops = len(self.layer.tops)
        if self.points and len(self.points) != tops - 1:
            raise p.error(
                "slice_point must be given for all tops but one", "slice_point", got=len(self.points), want=tops - 1
            )

    def _axis(self, bottom):
        return canonical_axis(self.axis, len(bottom), self.layer.at(f"slice_param.{self.field}"), self.field)

    def _cuts(self, size):
        """Returns where each top begins, and the end."""
        tops = len(self.layer.tops)
        if not self.points:
            if size % tops:
                raise self.error(f"{size} cannot be split into {tops} equal tops", "slice_param", got=size)
            return range(0, size + 1, size // tops) if size else (0,) * (tops + 1)
        cuts = (0, *self.points, size)
        if any(b <= a for a, b in zip(cuts, cuts[1:])):
            want = f"increasing and between 1 and {size - 1}"
            raise self.error("slice_point out of order", "slice_param.slice_point", got=self.points, want=want)
        return cuts

    def top_shapes(self, bottoms):
        (bottom,) = bottoms
        axis = self._axis(bottom)
        cuts = self._cuts(bottom[axis])
        return tuple((*bottom[:axis], b - a, *bottom[axis + 1 :]) for a, b in zip(cuts, cuts[1:]))

    def fixes_batch(self, bottoms):
        """Where it cuts the items themselves."""
        return f'layer "{self.layer.name}" cuts the batch at fixed places' if self._axis(bottoms[0]) == 0 else ""

    def follows_plane(self, bottoms):
        """Along any axis that is not open."""
        return self._axis(bottoms[0]) < 2

    def build(self, site):
        """A slice of the tensor a top."""
        (bottom,) = site.bottoms
        axis = self._axis(bottom)
        cuts = list(self._cuts(bottom[axis]))
        if len(site.tops) == 1:
            return lambda x: x
        return lambda x: tuple(ops.split(x, cuts[1:-1], axis=keras_axis(axis, len(bottom))))
