"""Parameter: a learnable array as a top."""

from zoo.layers.base.blobs import BlobMap, BlobSpec
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.variables import reader


@layer_type("Parameter", source="include/caffe/layers/parameter_layer.hpp:12-44")
class Parameter(LayerType):
    """No bottom -> the layer's only blob, of the given shape; it starts at zero."""

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    bottom_count = 0
    fields = ("parameter_param",)

    def read(self, p):
        self.shape = tuple(p.shape.dim)
        if len(self.shape) > 8:
            raise p.error("shape has too many axes", "shape", got=len(self.shape), want="up to 8")

    def top_shapes(self, bottoms):
        return (self.shape,)

    def blobs(self, bottoms):
        """The array, kept as the Keras tensor has it."""
        if not self.shape:
            order = BlobMap((1,), (0,), (1,))
        elif len(self.shape) == 4:
            n, c, h, w = self.shape
            order = BlobMap(self.shape, (0, 2, 3, 1), (n, h, w, c))
        else:
            order = None
        return (BlobSpec(self.shape, "value", map=order),)

    def build(self, site):
        """The variable's value, tied to the graph by any input of the net."""
        (variable,) = site.variables
        value = reader(variable, site.name, site.portable)

        def parameter(like):
            x = ops.convert_to_tensor(variable) if like is None else value(like)
            return x if self.shape else ops.reshape(x, ())

        return parameter
