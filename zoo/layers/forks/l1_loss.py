"""L1Loss: the mean distance."""

from zoo.errors import UnsupportedError
from zoo.layers.base.families import DistanceLossType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.losses import items


@layer_type("L1Loss", source="NVIDIA/caffe@caffe-0.17 l1_loss_layer.cpp:8-51", variant="nvidia")
class L1Loss(DistanceLossType):
    """loss = sum |a - b| / N, with a gradient of 0 where a = b.

    Bottoms a, b of N items of one size -> top: a scalar. Both get a gradient. Blobs: none. FlowNet's type of this name
    (1 or 2 bottoms, l1_loss_param) is another formula, which exists for a GPU only; it is refused.
    """

    reads_bottom_in_backward = False
    bottom_count = (1, 2)
    fields = ("l1_loss_param",)
    usual = True

    def read(self, p):
        """Refuses FlowNet's form."""
        flownet = "it has 1 bottom" if len(self.layer.bottoms) == 1 else "l1_loss_param is set"
        if len(self.layer.bottoms) == 1 or self.layer.message.HasField("l1_loss_param"):
            raise UnsupportedError(
                f"L1Loss as in FlowNet (lmb-freiburg/flownet2) is not supported: {flownet}",
                at=self.layer.at("bottom" if len(self.layer.bottoms) == 1 else "l1_loss_param"),
                want="NVIDIA's: 2 bottoms and no l1_loss_param",
            )

    def build(self, site):
        """In float32."""
        shapes = site.bottoms
        return lambda a, b: ops.mean(ops.sum(ops.absolute(items(a, shapes[0]) - items(b, shapes[1])), axis=1))
