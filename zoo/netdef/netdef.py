"""NetDef, the waist of the house: text before it, Keras after it. Plain frozen data; no TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from zoo.errors import Place
from zoo.formats import caffe_pb2
from zoo.formats.source_lines import Lines


class BlobRef(NamedTuple):
    """One value of a blob. An in-place layer gives the same name again with the next version (from 0)."""

    name: str
    version: int = 0

    def __str__(self):
        return self.name


def layer_said(place):
    """Returns how an error speaks of another layer than its own, by the `Place` where that begins."""
    return f'layer "{place.layer}"' + (f" (line {place.line})" if place.line else "")


class ParamKey(NamedTuple):
    """One parameter blob: the layer's key and the index of the blob within it."""

    layer: str
    index: int

    def __str__(self):
        return f"{self.layer}/{self.index}"


@dataclass(frozen=True)
class LayerDef:
    """One layer that takes part in the net for its state.

    Attributes:
        name: the layer's name, as in the file.
        type: Caffe's type string, such as "Convolution".
        bottoms, tops: the values read and produced. A loss that names no top has one all the same, "(automatic)".
        message: the layer's message; never modified.
        place: where the layer begins in the file.
        lines: line of each field by dotted path within the layer ("convolution_param.kernel_size"), where known.
        phase: "TRAIN" or "TEST": the layer's own `phase`, or the net's where it states none.
        variant: of a type string by which forks mean different things, which one; "" elsewhere.
        key: what tells it apart from the net's other layers: its name, or NAME#2 and so on where an earlier layer has
            that name (`layer_keys`). The name where none is given.
    """

    name: str
    type: str
    bottoms: tuple[BlobRef, ...]
    tops: tuple[BlobRef, ...]
    message: caffe_pb2.LayerParameter
    place: Place = Place()
    lines: Mapping[str, int] = field(default_factory=dict)
    phase: str = "TRAIN"
    variant: str = ""

    @property
    def kind(self):
        """What the registry of layer types knows it by: the type string, with the variant."""
        return f"{self.type} ({self.variant})" if self.variant else self.type

    key: str = ""

    def __post_init__(self):
        if not self.key:
            object.__setattr__(self, "key", self.name)

    def at(self, path=None):
        """Returns the `Place` of the field at dotted `path`, or of the layer itself."""
        line = self.lines.get(path, self.place.line) if path else self.place.line
        node = self.lines.node.find(path) if path and isinstance(self.lines, Lines) else None
        return Place((node and node.file) or self.place.file, line, self.name, self.type)


@dataclass(frozen=True)
class NetDef:
    """A net for one state: filtered, single-assignment, with its sharing resolved.

    Attributes:
        name: the net's name.
        phase: "TRAIN" or "TEST".
        level, stages: the rest of the state that it was filtered for.
        layers: in file order, which is an order of execution.
        outputs: the values that no layer reads, in Caffe's order (alphabetical by name).
        meanings: of the layers by whose type forks mean different things, (place, how it is read and why).
        output_names: what Caffe calls them: the blob's name, or that of the Split of a weighted top that is also read.
        owners: for each parameter that shares by name, the parameter that owns the array (owners map to themselves).
        message: the filtered NetParameter; never modified.
        file: the file it came from, or None.
    """

    name: str
    phase: str
    layers: tuple[LayerDef, ...]
    outputs: tuple[BlobRef, ...]
    message: caffe_pb2.NetParameter
    level: int = 0
    stages: tuple[str, ...] = ()
    owners: Mapping[ParamKey, ParamKey] = field(default_factory=dict)
    file: str | None = None
    meanings: tuple[tuple[Place, str], ...] = ()
    output_names: tuple[str, ...] = ()
