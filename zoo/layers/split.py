"""Split and Silence: copies of a blob, and none."""

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.registry import layer_type


@layer_type("Split", source="split_layer.cpp:7-49")
class Split(LayerType):
    """Every top is the bottom; their gradients add up. No blobs."""

    reads_bottom_in_backward = False
    aliases_bottom = "always"
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
    top_count = (1, None)

    def top_shapes(self, bottoms):
        """The bottom's shape, for each top."""
        return bottoms * len(self.layer.tops)

    def follows_plane(self, bottoms):
        """Yes."""
        return True

    def build(self, site):
        """The same tensor several times."""
        return lambda x: (x,) * len(site.tops)


@layer_type("Silence", source="silence_layer.cpp:8-17")
class Silence(LayerType):
    """Takes any bottoms and gives nothing, so that they are no outputs of the net."""

    reads_bottom_in_backward = False
    reads_memory = False
    deployed = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = None
    bottom_count = (1, None)
    top_count = 0

    def top_shapes(self, bottoms):
        """None."""
        return ()

    def build(self, site):
        """Nothing."""
        return lambda *bottoms: ()
