"""What whole families of layer types have in common."""

from zoo.layers.base.layer_type import LayerType


class LossType(LayerType):
    """A loss of bottom 0, the prediction, against bottom 1, which gets no gradient. Its top counts as objective."""

    default_loss_weight = 1.0
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = (1,)
    pixel_map = None
    scored_bottoms = 1
    deployed = False


class PointwiseType(LayerType):
    """A function of each value alone: any shape -> the same."""

    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"

    def top_shapes(self, bottoms):
        """The bottom's shape."""
        return bottoms
