"""Scale."""

from zoo.formats import caffe_pb2
from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.families import BroadcastType
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.broadcast import add, broadcast, broadcast_map
from zoo.layers.ops.variables import reader

_ONE = caffe_pb2.FillerParameter(type="constant", value=1)


@layer_type("Scale", source="scale_layer.cpp:11-142")
class Scale(BroadcastType):
    """y = g x, or g x + b with bias_term; g and b broadcast over axes axis..axis+num_axes-1, scalars for num_axes 0.

    One bottom: g is learned and starts at 1. Two: g is the second, broadcast over as many axes as it has.
    Blobs: g (with one bottom only), b (with bias_term), of one shape.
    """

    reads_bottom_in_backward = True
    fields = ("scale_param",)

    def read(self, p):
        self.axis, self.num_axes, self.bias_term = p.axis, p.num_axes, p.bias_term
        self.filler, self.bias_filler = p.filler if p.has("filler") else _ONE, p.bias_filler

    def blobs(self, bottoms):
        """Factor and bias, as far as they are learned."""
        shape = self.parameter_shape(bottoms)
        laid = broadcast_map(bottoms[0], shape, self.axis)
        factor = (BlobSpec(shape, "gamma", self.filler, laid),) if len(bottoms) == 1 else ()
        return factor + ((BlobSpec(shape, "beta", self.bias_filler, laid),) if self.bias_term else ())

    def build(self, site):
        """A multiplication and an addition of tensors."""
        names = [f"{site.name}__gamma", f"{site.name}__beta"][-len(site.variables) :]
        readers = [reader(variable, name, site.portable) for variable, name in zip(site.variables, names)]
        if len(site.bottoms) == 1 and not self.bias_term:
            readers = [reader(site.variables[0], site.name, site.portable)]

        def scale(x, *given):
            factor = broadcast(given[0], *site.bottoms, self.axis) if given else readers[0](x)
            y = x * factor
            return add(y, readers[-1](x)) if self.bias_term else y

        return scale
