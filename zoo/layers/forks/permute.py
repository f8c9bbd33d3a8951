"""Permute: the axes in another order."""

from zoo.layers.base.geometry import canonical_axis
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type


@layer_type("Permute", source="weiliu89/caffe@ssd permute_layer.cpp:32-142")
class Permute(LayerType):
    """Axis i of the top is axis order[i] of the bottom; those that `order` leaves out follow, ascending. No blobs."""

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False  # where `order` leaves axis 0 in its place
    no_gradient_bottoms = ()
    pixel_map = None
    fields = ("permute_param",)

    def read(self, p):
        """Reads permute_param."""
        self.order = tuple(p.order)
        if len(set(self.order)) != len(self.order):
            raise p.error("an axis is named twice", "order", got=self.order)
        self.mixes_batch = self.order[:1] not in ((), (0,))

    def whole_order(self, bottom):
        """Returns the order of all axes of a bottom of that shape."""
        rank, at = len(bottom), self.layer.at("permute_param.order")
        named = [canonical_axis(axis, rank, at, "order") for axis in self.order]
        return named + [axis for axis in range(rank) if axis not in named]

    def top_shapes(self, bottoms):
        """The bottom's axes in that order."""
        (bottom,) = bottoms
        return (tuple(bottom[axis] for axis in self.whole_order(bottom)),)

    def build(self, site):
        """One transposition, that between Keras's order and Caffe's included."""
        order = self.whole_order(site.bottoms[0])
        if len(order) == 4:
            order = [(0, 3, 1, 2)[order[axis]] for axis in (0, 2, 3, 1)]
        return lambda x: x if order == sorted(order) else ops.transpose(x, order)
