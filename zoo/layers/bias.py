"""Bias."""

from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.broadcast import add, blob_shape, broadcast, broadcast_map, check_fit
from zoo.layers.ops.variables import reader


@layer_type("Bias", source="bias_layer.cpp:10-87")
class Bias(LayerType):
    """y = x + b, with b laid over axes axis..axis+num_axes-1 of x; a scalar for num_axes 0.

    One bottom: b is learned. Two: b is the second, laid over as many axes as it has. Blobs: b, with one bottom only.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
    in_place = True
    bottom_count = (1, 2)
    fields = ("bias_param",)

    def read(self, p):
        self.axis, self.num_axes, self.filler = p.axis, p.num_axes, p.filler

    def _shape(self, bottoms):
        if len(bottoms) > 1:
            check_fit(self.layer, "bias_param", *bottoms, self.axis)
            return bottoms[1]
        return blob_shape(self.layer, "bias_param", bottoms[0], self.axis, self.num_axes)

    def top_shapes(self, bottoms):
        """The first bottom's shape."""
        self._shape(bottoms)
        return bottoms[:1]

    def blobs(self, bottoms):
        """The bias, with one bottom."""
        if len(bottoms) > 1:
            return ()
        shape = self._shape(bottoms)
        return (BlobSpec(shape, "bias", self.filler, broadcast_map(bottoms[0], shape, self.axis)),)

    def build(self, site):
        """An addition of tensors."""
        if len(site.bottoms) > 1:
            return lambda x, b: add(x, broadcast(b, *site.bottoms, self.axis))
        bias = reader(site.variables[0], site.name, site.portable)
        return lambda x: add(x, bias(x))
