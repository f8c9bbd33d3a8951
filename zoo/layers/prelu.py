"""PReLU: ReLU whose slope for negative values is learned."""

from zoo.formats import caffe_pb2
from zoo.layers.base.blobs import BlobMap, BlobSpec
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.variables import reader


@layer_type("PReLU", source="prelu_layer.cpp:11-131")
class PReLU(LayerType):
    """y = x for x > 0, slope * x otherwise; the gradient at 0 is the slope.

    Bottom of 2 or more axes, channels on axis 1 -> top of the same shape. Blob: slope (C,), or () if channel_shared;
    0.25 unless filled otherwise.
    """

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
    in_place = True
    fields = ("prelu_param",)

    def read(self, p):
        self.shared = p.channel_shared
        self.filler = p.filler if p.has("filler") else caffe_pb2.FillerParameter(value=0.25)

    def top_shapes(self, bottoms):
        """The bottom's shape."""
        if len(bottoms[0]) < 2:
            raise self.error("bottom needs 2 or more axes", "bottom", got=bottoms[0])
        return bottoms

    def blobs(self, bottoms):
        """The slope, broadcast against an item of the Keras tensor."""
        rank = len(bottoms[0])
        if self.shared:
            return (BlobSpec((), "alpha", self.filler, BlobMap((1,), (0,), (1,))),)
        channels = bottoms[0][1]
        merged = (channels,) if rank == 4 else (channels,) + (1,) * (rank - 2)
        return (BlobSpec((channels,), "alpha", self.filler, BlobMap((channels,), (0,), merged)),)

    def follows_plane(self, bottoms):
        """Yes: each value is alone."""
        return True

    def build(self, site):
        """By selection: Keras's PReLU has gradient 0 at 0."""
        slope = reader(site.variables[0], site.name, site.portable)
        return lambda x: ops.where(x > 0, x, slope(x) * x)
