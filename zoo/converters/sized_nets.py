"""One net for many sizes of what it is fed: built again only where its layers depend on them."""

import dataclasses
from collections import OrderedDict

from zoo.converters.build import build
from zoo.netdef.open_sizes import fits, follow, open_sizes
from zoo.netdef.shape_inference import infer_shapes

KEPT = 16


class SizedNets:
    """Builds a net for the shapes that are asked for.

    The first is built for its own shapes, by the kernels that are fastest at these. When others come, a second is
    built, for TEST alone, in which the batch, and height and width, are open as far as the layers allow it; it serves
    all shapes that fit. For the rest there is a net for each, the last ones kept.

    Args:
        definition: the NetDef.
        parameters: the `Parameters` that all the nets share.
        opens: whether nets may be open at all.
    """

    def __init__(self, definition, parameters, opens=True):
        self._definition, self._parameters, self._opens = definition, parameters, opens
        self._nets, self._open = OrderedDict(), []

    def clear(self):
        """Forgets all nets."""
        self._nets.clear()
        self._open.clear()

    def at(self, fed):
        """Returns the `Net` for `fed`, {first top of a source: shapes of its tops}; its `base` owns what is compiled.

        Raises:
            ZooError: what the layers refuse.
        """
        key = tuple((ref, tuple(map(tuple, shapes))) for ref, shapes in fed.items())
        if key not in self._nets:
            self._nets[key] = (self._nets and self._open_at(fed)) or build(self._definition, fed, self._parameters)
            if len(self._nets) > KEPT:
                self._nets.popitem(last=False)
        self._nets.move_to_end(key)
        return self._nets[key]

    def _open_at(self, fed):
        """Returns an open net with the shapes that `fed` gives it, or None."""
        if not self._opens or not fed:
            return None
        planned = infer_shapes(self._definition, fed)
        if any(layer.type.runs_on_host or layer.type.padded_axis is not None for layer in planned):
            return None
        if next(iter(self._nets.values())).state:
            return None
        for net in self._open:
            if _serves(net, planned):
                return _resized(net, planned)
        patterns = open_sizes(self._definition, fed, planned)
        if not any(None in pattern for pattern in patterns.values()):
            return None
        net = build(self._definition, fed, self._parameters, patterns=patterns)
        self._open = [*self._open[-3:], net]
        return net


def _serves(net, planned):
    for layer in planned:
        if not all(fits(net.patterns[ref], shape) for ref, shape in zip(layer.definition.tops, layer.tops)):
            return False
    return follow(planned, net.patterns)


def _resized(net, planned):
    """Returns `net` with the shapes of `planned`."""
    layers = tuple(
        dataclasses.replace(layer, bottoms=plan.bottoms, tops=plan.tops) for layer, plan in zip(net.layers, planned)
    )
    shapes = {ref: shape for layer in planned for ref, shape in zip(layer.definition.tops, layer.tops)}
    return dataclasses.replace(net, layers=layers, shapes=shapes, base=net.base or net, kept={})
