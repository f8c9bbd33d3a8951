"""Concat: blobs one after the other along an axis."""

from zoo.layers.base.geometry import canonical_axis, keras_axis
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import keras
from zoo.layers.base.registry import layer_type


@layer_type("Concat", source="concat_layer.cpp:8-95")
class Concat(LayerType):
    """Bottoms of shapes that are alike but for `axis` (or the legacy concat_dim) -> top, the sum there; no blobs."""

    reads_bottom_in_backward = False
    aliases_bottom = "one bottom"
    aliases_gradient = True
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    bottom_count = (1, None)
    fields = ("concat_param",)

    def read(self, p):
        if p.has("axis") and p.has("concat_dim"):
            raise p.error("axis and the legacy concat_dim exclude each other", "concat_dim")
        self.field = "concat_dim" if p.has("concat_dim") else "axis"
        self.axis = getattr(p, self.field)

    def _axis(self, bottom):
        return canonical_axis(self.axis, len(bottom), self.layer.at(f"concat_param.{self.field}"), self.field)

    def top_shapes(self, bottoms):
        first = bottoms[0]
        axis = self._axis(first)
        for shape in bottoms[1:]:
            if len(shape) != len(first) or any(a != b for i, (a, b) in enumerate(zip(shape, first)) if i != axis):
                raise self.error(f"bottoms may differ only in axis {axis}", "bottom", got=shape, want=first)
        return ((*first[:axis], sum(shape[axis] for shape in bottoms), *first[axis + 1 :]),)

    def follows_plane(self, bottoms):
        """Along any axis that is not open."""
        return self._axis(bottoms[0]) < 2

    def build(self, site):
        """Keras's Concatenate."""
        if len(site.bottoms) == 1:
            return lambda x: x
        rank = len(site.tops[0])
        layer = keras.layers.Concatenate(axis=keras_axis(self._axis(site.tops[0]), rank), name=site.name)
        return lambda *bottoms: layer(list(bottoms))
