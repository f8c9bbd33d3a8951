"""Bias."""

from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.families import BroadcastType
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.broadcast import add, broadcast, broadcast_map
from zoo.layers.ops.variables import reader


@layer_type("Bias", source="bias_layer.cpp:10-87")
class Bias(BroadcastType):
    """y = x + b, with b broadcast over axes axis..axis+num_axes-1 of x; a scalar for num_axes 0.

    One bottom: b is learned. Two: b is the second, broadcast over as many axes as it has. Blobs: b, if it is learned.
    """

    reads_bottom_in_backward = False
    fields = ("bias_param",)

    def read(self, p):
        self.axis, self.num_axes, self.filler = p.axis, p.num_axes, p.filler

    def blobs(self, bottoms):
        """The bias, with one bottom."""
        if len(bottoms) > 1:
            return ()
        shape = self.parameter_shape(bottoms)
        return (BlobSpec(shape, "bias", self.filler, broadcast_map(bottoms[0], shape, self.axis)),)

    def build(self, site):
        """An addition of tensors."""
        if len(site.bottoms) > 1:
            return lambda x, b: add(x, broadcast(b, *site.bottoms, self.axis))
        bias = reader(site.variables[0], site.name, site.portable)
        return lambda x: add(x, bias(x))
