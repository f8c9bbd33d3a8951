"""ShuffleChannel."""

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import from_caffe


@layer_type("ShuffleChannel", source="farmingyard/ShuffleNet@master shuffle_channel_layer.cpp:8-100")
class ShuffleChannel(LayerType):
    """Channel i k + j of the bottom becomes channel j group + i of the top, for groups of k = C / group.

    Bottom (N,C[,H[,W]]) -> top (N,C,H,W), sizes that are not there being 1. Blobs: none.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
    fields = ("shuffle_channel_param",)

    def read(self, p):
        """Takes shuffle_channel_param. Raises NetError for a group of 0."""
        self.group = p.group
        if self.group < 1:
            raise p.error("group must be greater than 0", "group", got=self.group, want="1 or more")

    def top_shapes(self, bottoms):
        """The bottom's shape, with 4 axes. Raises NetError where group does not divide the channels."""
        (shape,) = bottoms
        if len(shape) not in (2, 3, 4):
            raise self.error("ShuffleChannel takes (N,C,H,W)", "bottom", got=shape, want="2 to 4 axes")
        if shape[1] % self.group:
            want = f"a divisor of the {shape[1]} channels"
            field = "shuffle_channel_param.group"
            raise self.error("group does not divide the channels", field, got=self.group, want=want)
        return ((*shape, 1, 1)[:4],)

    def build(self, site):
        """The channels as a matrix, turned."""
        _, channels, height, width = site.tops[0]
        split = (-1, height, width, self.group, channels // self.group)

        def shuffle(x):
            if len(site.bottoms[0]) < 4:
                x = from_caffe(ops.reshape(x, (-1, channels, height, width)))
            turned = ops.transpose(ops.reshape(x, split), (0, 1, 2, 4, 3))
            return ops.reshape(turned, (-1, height, width, channels))

        return shuffle
