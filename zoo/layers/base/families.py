"""What whole families of layer types have in common."""

from zoo.layers.base.geometry import count
from zoo.layers.base.layer_type import LayerType
from zoo.layers.ops.broadcast import blob_shape, check_fit
from zoo.layers.ops.losses import check_same_first


class LossType(LayerType):
    """A loss of bottom 0, the prediction, against bottom 1, which gets no gradient. Its top counts as objective."""

    default_loss_weight = 1.0
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = (1,)
    pixel_map = None
    scored_bottoms = 1
    deployed = False


class LabelledLossType(LossType):
    """A loss of scores (N, ...) of classes in C,H,W order and one label per item -> top: a scalar."""

    bottom_count = 2

    def top_shapes(self, bottoms):
        """A scalar."""
        check_same_first(self, bottoms)
        if count(bottoms[1]) != bottoms[0][0]:
            raise self.error("expects one label per item", "bottom", got=bottoms[1], want=f"({bottoms[0][0]},)")
        return ((),)

    def lookups(self, bottoms):
        """Labels of its classes."""
        return {1: (count(bottoms[0], 1), None)}


class DistanceLossType(LossType):
    """A loss of two bottoms of N items of one size -> top: a scalar. Both get a gradient."""

    no_gradient_bottoms = ()

    def top_shapes(self, bottoms):
        """A scalar."""
        check_same_first(self, bottoms)
        a, b = bottoms
        if count(a, 1) != count(b, 1):
            raise self.error("bottoms must have items of the same size", "bottom", got=b, want=a)
        return ((),)


class BroadcastType(LayerType):
    """A parameter, or the second bottom, broadcast over axes axis..axis+num_axes-1 of the first: its shape stays.

    Attributes:
        axis, num_axes: as `read` has found them in the one message of `fields`.
    """

    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
    in_place = True
    bottom_count = (1, 2)
    axis: int
    num_axes: int

    def parameter_shape(self, bottoms):
        """Returns the Caffe shape of what is broadcast; raises NetError where it does not fit."""
        (message,) = self.fields
        if len(bottoms) > 1:
            check_fit(self.layer, message, bottoms[0], bottoms[1], self.axis)
            return bottoms[1]
        return blob_shape(self.layer, message, bottoms[0], self.axis, self.num_axes)

    def follows_plane(self, bottoms):
        """Where a parameter is broadcast."""
        return len(bottoms) == 1

    def top_shapes(self, bottoms):
        """The first bottom's shape."""
        self.parameter_shape(bottoms)
        return bottoms[:1]


class PointwiseType(LayerType):
    """A function of each value alone: any shape -> the same."""

    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"

    def follows_plane(self, bottoms):
        """Yes: each value is alone."""
        return True

    def top_shapes(self, bottoms):
        """The bottom's shape."""
        return bottoms
