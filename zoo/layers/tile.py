"""Tile: a blob repeated along an axis."""

from zoo.layers.base.geometry import canonical_axis, keras_axis
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type


@layer_type("Tile", source="tile_layer.cpp:8-52")
class Tile(LayerType):
    """The whole of `axis` comes `tiles` times, one after the other. No blobs."""

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    fields = ("tile_param",)

    def read(self, p):
        self.axis, self.tiles = p.axis, p.tiles
        if self.tiles < 1:
            raise p.error("tiles must be given and positive", "tiles", got=self.tiles)

    def _axis(self, bottom):
        return canonical_axis(self.axis, len(bottom), self.layer.at("tile_param.axis"))

    def top_shapes(self, bottoms):
        (bottom,) = bottoms
        axis = self._axis(bottom)
        return ((*bottom[:axis], bottom[axis] * self.tiles, *bottom[axis + 1 :]),)

    def build(self, site):
        """keras.ops.tile."""
        (bottom,) = site.bottoms
        repeats = [1] * len(bottom)
        repeats[keras_axis(self._axis(bottom), len(bottom))] = self.tiles
        return lambda x: ops.tile(x, repeats)
