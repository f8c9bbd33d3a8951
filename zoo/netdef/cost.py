"""What a net costs by its shapes alone: parameters, and multiply-adds of one forward pass."""

from collections.abc import Iterable
from typing import NamedTuple

from zoo.netdef.netdef import NetDef, ParamKey
from zoo.netdef.shape_inference import PlannedLayer


class Cost(NamedTuple):
    """Numbers of a net.

    Attributes:
        parameters: learned and fixed weights, shared ones once.
        statistics: numbers that no solver learns, such as BatchNorm's running sums and its factor.
        flops: multiply-adds of one forward pass, by what each layer type says of itself (`LayerType.flops`):
            convolutions, inner products and recurrent layers; biases, activations and pooling count nothing.
    """

    parameters: int
    statistics: int
    flops: int


def cost(definition: NetDef, planned: Iterable[PlannedLayer]) -> Cost:
    """Returns the `Cost` of `definition`, or of those of its layers that are given.

    Args:
        definition: the NetDef.
        planned: its layers as `infer_shapes` gives them; multiply-adds are for their batch.

    Example:
        >>> from zoo.netdef.config import open_config
        >>> from zoo.netdef.deploy import deploy
        >>> from zoo.netdef.net import net_def
        >>> from zoo.netdef.shape_inference import infer_shapes
        >>> lenet = open_config("configs/lenet.prototxt").definition("TEST")
        >>> lenet = net_def(deploy(lenet, {"data": (1, 1, 28, 28)}), "TEST")
        >>> cost(lenet, infer_shapes(lenet))
        Cost(parameters=431080, statistics=0, flops=2293000)
    """
    seen: set[ParamKey] = set()
    counts = {True: 0, False: 0}
    flops = 0
    for layer in planned:
        flops += int(layer.type.flops(layer.bottoms, layer.tops))
        for index, spec in enumerate(layer.blobs):
            key = ParamKey(layer.definition.key, index)
            owner = definition.owners.get(key, key)
            if owner not in seen:
                seen.add(owner)
                counts[spec.trainable] += spec.count
    return Cost(counts[True], counts[False], flops)
