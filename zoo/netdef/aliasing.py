"""What follows from Caffe's layers that give their bottom on without a copy: values overwritten, gradients lost."""

from collections import Counter

from zoo.errors import NetError
from zoo.layers import find
from zoo.netdef.netdef import BlobRef, layer_said


def overwritten(layers, readers, weighted, unknown):
    """Yields a NetError for each layer in place that takes a value from another reader.

    Args:
        layers: the `LayerDef`s in order.
        readers: {value: the layers that read it}.
        weighted: the values with a loss weight, which Caffe reads once more.
        unknown: values that are not to be spoken of.

    Where the value itself has another reader, Caffe's splits make the net impossible. Where only its memory has one,
    because a layer like Reshape gives its bottom on without a copy, Caffe runs and computes something else.
    """
    memory = _Memory(layers, readers)
    for layer in layers:
        for bottom, top in zip(layer.bottoms, layer.tops):
            if top.name != bottom.name or bottom in unknown:
                continue
            what = _of_the_value(layer, bottom, readers, weighted) or memory.others(layer, bottom, top)
            if what:
                yield NetError(
                    f'works in place on "{bottom}", which {what}',
                    at=layer.at("top"),
                    hint="give its top a name of its own",
                )


def _of_the_value(layer, bottom, readers, weighted):
    others = [reader for reader in readers[bottom] if reader is not layer]
    if others:
        return f"{layer_said(others[0].place)} reads too"
    if layer.bottoms.count(bottom) > 1:
        return "it reads twice"
    return "the loss reads too" if bottom in weighted else None


def without_gradient(layers):
    """Returns the values whose gradient, in Caffe, never reaches the layer that gives them.

    The gradient of Reshape's top lies where its bottom's does, by what its set-up says; so with Concat and Slice of a
    single blob, and within LSTM and RNN. A Flatten that reads the top gives it the memory of its own top's gradient
    instead (flatten_layer.cpp:35-39), and what comes down is not seen. Another reader besides makes a Split, which
    copies.
    """
    readers, given, lost = Counter(bottom for layer in layers for bottom in layer.bottoms), {}, set()
    for layer in layers:
        kind = find(layer.kind)
        if kind and kind.moves_gradient_memory and readers[layer.bottoms[0]] == 1 and layer.bottoms[0] in given:
            lost.add(given[layer.bottoms[0]])
        for index, top in enumerate(layer.tops):
            if index < len(layer.bottoms) and _in_place(layer, layer.bottoms[index]):
                if layer.bottoms[index] in given:
                    given[top] = given[layer.bottoms[index]]
            elif index == 0 and kind and kind.aliases_gradient and (not kind.aliases_bottom or _source(layer, 0)):
                given[top] = top
    return lost


class _Memory:
    """Which values lie in one place, and who reads there."""

    def __init__(self, layers, readers):
        self._readers = readers
        self._parameters = {top: layer for layer in layers if layer.type == "Parameter" for top in layer.tops}
        self._number = {id(layer): number for number, layer in enumerate(layers)}
        self._from: dict[BlobRef, BlobRef] = {}  # the value whose memory each has from its layer
        self._together: dict[BlobRef, list[BlobRef]] = {}
        for layer in layers:
            for index, top in enumerate(layer.tops):
                source = _source(layer, index)
                if source is not None:
                    self._from[top] = source
                    together = self._together.setdefault(source, [source])
                    together.append(top)
                    self._together[top] = together

    def others(self, layer, bottom, top):
        """Says who else reads the memory of `bottom`, which `layer` overwrites with `top`; None where nobody does."""
        for value in self._together[bottom]:
            if self._follows(value, top):
                continue
            if value in self._parameters:
                return f"is the parameter of {layer_said(self._parameters[value].place)}"
            for reader in self._readers.get(value, ()):
                if reader is layer or not _states(reader, "reads_memory", True):
                    continue
                said = f'lies in the memory of "{value}", which {layer_said(reader.place)} reads'
                if self._number[id(reader)] > self._number[id(layer)]:
                    return f"{said} later"
                if (
                    layer.phase == "TRAIN"
                    and _states(reader, "reads_bottom_in_backward", False)
                    and not _in_place(reader, value)
                ):
                    return f"{said} again backward"
        return None

    def _follows(self, value, new):
        """Whether `value` is `new` or has its memory from it."""
        while value is not None and value != new:
            value = self._from.get(value)
        return value is not None


def _source(layer, index):
    """Returns the bottom in whose memory top number `index` lies, or None."""
    if index < len(layer.bottoms) and _in_place(layer, layer.bottoms[index]):
        return layer.bottoms[index]
    aliases = _states(layer, "aliases_bottom", None)
    alone = {"always": True, "one bottom": len(layer.bottoms) == 1, "one top": len(layer.tops) == 1}
    return layer.bottoms[0] if layer.bottoms and alone.get(aliases) else None


def _states(layer, fact, unknown):
    """Returns what a layer's type states; `unknown` where no such type is known."""
    return getattr(find(layer.kind), fact, unknown)


def _in_place(layer, bottom):
    return any(value == bottom and top.name == bottom.name for top, value in zip(layer.tops, layer.bottoms))
