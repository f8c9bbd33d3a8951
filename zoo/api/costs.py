"""What a config's net costs."""

from zoo.errors import ZooError
from zoo.netdef.config import open_config
from zoo.netdef.cost import Cost, cost
from zoo.netdef.deploy import deploy
from zoo.netdef.header_shapes import input_shapes
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes


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
