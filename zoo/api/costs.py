"""What a config's net costs, and the sizes of its input that its header states in words."""

import re

from zoo.errors import ZooError
from zoo.layers import find
from zoo.netdef.config import open_config
from zoo.netdef.cost import Cost, cost
from zoo.netdef.deploy import deploy
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes

_SIZE = re.compile(r"\d+(?: x \d+){2,3}(?! x)")


def of(path, header) -> Cost | None:
    """Returns the `Cost` of the deploy net for one item, or None where that depends on the size of the item.

    Args:
        path: the config.
        header: its `ConfigHeader`, or None.

    Raises:
        ZooError: it is no config.
    """
    config = open_config(path)
    try:
        definition = config.definition("TEST")
        net = net_def(deploy(definition, input_shapes(definition, header)), "TEST")
        return cost(net, infer_shapes(net))
    except ZooError:  # the size of an item is not known, or differs
        return None


def input_shapes(definition, header):
    """Returns {blob: Caffe shape} of one image of each data layer, by the words of the config's header.

    Args:
        definition: the NetDef with its data layers.
        header: the `ConfigHeader`, or None, which says nothing.
    """
    size = _SIZE.match(header.input) if header else None
    if not size:
        return {}
    shape = (1, *map(int, size[0].split(" x ")))
    kinds = [(layer, find(layer.kind)) for layer in definition.layers]
    return {layer.tops[0].name: shape for layer, kind in kinds if kind and kind.feeds(layer) and not kind.states_shapes}
