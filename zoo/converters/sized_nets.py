"""One net for many sizes of what it is fed: built again only where its layers depend on them."""

import dataclasses
from collections import OrderedDict

from zoo.converters.build import build
from zoo.errors import ZooError
from zoo.netdef.open_sizes import fits, follow, open_sizes
from zoo.netdef.shape_inference import infer_shapes

KEPT = 16


class SizedNets:
    """Builds a net for the shapes that are asked for.

    The first is built for its own shapes, by the kernels that are fastest at these. When others come, a second is
    built, for TEST alone, in which the batch, and height and width, are open as far as the layers allow it; it serves
    all shapes that fit. For the rest there is a net for each, the last ones kept.

    Caffe sizes a layer when it runs. Hence shapes that a layer refuses will do where it does not run: a net of the
    layers before it is built for them, and those behind stay as they were in the first net.

    Args:
        definition: the NetDef.
        parameters: the `Parameters` that all the nets share.
        opens: whether nets may be open at all.
    """

    def __init__(self, definition, parameters, opens=True):
        self._definition, self._parameters, self._opens = definition, parameters, opens
        self._nets, self._open, self._parts, self._first, self._rest = OrderedDict(), [], {}, None, None

    def clear(self):
        """Forgets all nets."""
        self._nets.clear()
        self._open.clear()
        self._parts.clear()
        self._rest = None

    def at(self, fed, last=None):
        """Returns the `Net` for `fed`, {first top of a source: shapes of its tops}; its `base` owns what is compiled.

        Args:
            fed: the shapes.
            last: number of the last layer that will run; None for all. Where layers behind it refuse the shapes, the
                net's `sized` says so.

        Raises:
            ZooError: what the layers refuse.
        """
        try:
            net = self._whole(fed)
        except ZooError:
            if self._first is None or last is None or last + 1 == len(self._definition.layers):
                raise
            return self._part(fed, last + 1)
        self._first = fed if self._first is None else self._first
        return net

    def _part(self, fed, count):
        """Returns the first `count` layers built for `fed`, and the rest of the first net behind them."""
        if count not in self._parts:
            layers = self._definition.layers[:count]
            read = {bottom for layer in layers for bottom in layer.bottoms}
            outputs = tuple(top for layer in layers for top in layer.tops if top not in read)
            definition = dataclasses.replace(self._definition, layers=layers, outputs=outputs)
            self._parts[count] = SizedNets(definition, self._parameters, self._opens)
        return self._completed(self._parts[count].at(fed))

    def _completed(self, part):
        if "completed" not in part.kept:
            self._rest = self._rest or self._whole(self._first)
            first, count = self._rest, len(part.layers)
            part.kept["completed"] = dataclasses.replace(
                part,
                definition=self._definition,
                layers=(*part.layers, *first.layers[count:]),
                shapes={**first.shapes, **part.shapes},
                state={**first.state, **part.state},
                base=None if part.base is None else self._completed(part.base),
                kept={},
                sized=count,
            )
        return part.kept["completed"]

    def _whole(self, fed):
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
