"""The sizes of a net's input that the header of its config states in words."""

import re

from zoo.formats.config_header import ConfigHeader
from zoo.layers import find
from zoo.netdef.netdef import NetDef

_SIZE = re.compile(r"\d+(?: x \d+){2,3}(?! x)")


def input_shapes(definition: NetDef, header: ConfigHeader | None) -> dict[str, tuple[int, ...]]:
    """Returns {blob: Caffe shape} of one image of each data layer, by the words of the config's header.

    Args:
        definition: the net with its data layers.
        header: the `ConfigHeader`, or None, which says nothing.
    """
    size = _SIZE.match(header.input) if header else None
    if not size:
        return {}
    shape = (1, *map(int, size[0].split(" x ")))
    kinds = [(layer, find(layer.kind)) for layer in definition.layers]
    return {layer.tops[0].name: shape for layer, kind in kinds if kind and kind.feeds(layer) and not kind.states_shapes}
