"""A net as the rules of an inspection see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.inspection.finding import Edit
from zoo.netdef.netdef import LayerDef, NetDef
from zoo.netdef.shape_inference import PlannedLayer


@dataclass(frozen=True)
class View:
    """A net for one phase.

    Attributes:
        definition: its NetDef.
        planned: the layers whose sizes are known, in order.
        text: the text that the layers' spans belong to; "" where they belong to another file's.
        weights: {layer: arrays}, or None where none were given.
    """

    definition: NetDef
    planned: tuple[PlannedLayer, ...] = ()
    text: str = ""
    weights: Mapping[str, Sequence[Any]] | None = None
    sizes: Mapping[int, PlannedLayer] = field(init=False, default_factory=dict)

    def __post_init__(self):
        self.sizes.update({id(each.definition): each for each in self.planned})

    def size(self, layer: LayerDef) -> PlannedLayer | None:
        """Returns the `PlannedLayer` of a layer, or None where its sizes are not known."""
        return self.sizes.get(id(layer))

    def shape(self, ref) -> tuple[int, ...] | None:
        """Returns the Caffe shape of a value, or None where it is not known."""
        layer = self.producer(ref)
        planned = self.size(layer) if layer else None
        return planned.tops[layer.tops.index(ref)] if planned else None

    def of(self, *types: str) -> list[LayerDef]:
        """Returns the layers of these type strings."""
        return [layer for layer in self.definition.layers if layer.type in types]

    def producer(self, ref) -> LayerDef | None:
        """Returns the layer that gives a value, or None."""
        return next((layer for layer in self.definition.layers if ref in layer.tops), None)

    def readers(self, ref) -> list[LayerDef]:
        """Returns the layers that read a value."""
        return [layer for layer in self.definition.layers if ref in layer.bottoms]

    def blobs(self, layer: LayerDef) -> Sequence[Any]:
        """Returns the layer's arrays of the weights file; none where there are none."""
        return (self.weights or {}).get(layer.key, ())

    # ---- edits of the text ----

    def _node(self, layer):
        node = getattr(layer.lines, "node", None)
        return node if self.text and node is not None and node.span[1] > node.span[0] else None

    def insert(self, layer: LayerDef, addition: str) -> tuple[Edit, ...]:
        """Returns the edit that puts `addition` at the end of a layer's text; none where the text is not at hand."""
        node = self._node(layer)
        if node is None or self.text[node.span[1] - 1 : node.span[1]] not in ("}", ">"):
            return ()
        at = node.span[1] - 1
        line = self.text.rfind("\n", 0, at) + 1
        alone = not self.text[line:at].strip()  # the bracket stands on a line of its own
        return (Edit(line, line, f"  {addition}\n") if alone else Edit(at, at, f" {addition} "),)

    def remove(self, layer: LayerDef, path: str | None = None) -> tuple[Edit, ...]:
        """Returns the edit that takes a layer's field, or all of the layer, out of the text."""
        node = self._node(layer)
        if node is None:
            return ()
        found = node.find(path) if path else node
        name = path.rpartition(".")[2].partition("[")[0] if path else "layer"
        if found is None:
            return ()
        start, end = self.text.rfind(name, 0, found.span[0] + (1 if found.value is None else 0)), found.span[1]
        if start < 0:
            return ()
        line_start, line_end = self.text.rfind("\n", 0, start) + 1, self.text.find("\n", end)
        line_end = len(self.text) if line_end < 0 else line_end + 1
        if not self.text[line_start:start].strip() and not self.text[end:line_end].strip():
            start, end = line_start, line_end
        return (Edit(start, end, ""),)
