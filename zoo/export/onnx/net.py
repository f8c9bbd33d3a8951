"""A net written layer by layer into a graph: what `model` makes a ModelProto of and `file` a file."""

from collections.abc import Mapping
from dataclasses import dataclass

import onnx
from onnx import TensorProto, helper

from zoo.errors import UnsupportedError, ZooError, raise_together
from zoo.export.conversion import Conversion
from zoo.export.onnx import (
    sizes,
    writers,  # noqa: F401  (registers every writer)
)
from zoo.export.onnx.graph import ANY_BATCH, Graph
from zoo.export.onnx.pixels import pixel_inputs
from zoo.export.onnx.registry import find, why_refused
from zoo.export.onnx.site import Site
from zoo.netdef import memory
from zoo.netdef.netdef import BlobRef
from zoo.netdef.padding import padded_values
from zoo.netdef.shape_inference import infer_shapes

HEIGHT_AND_WIDTH = "H", "W"


@dataclass(frozen=True)
class WrittenNet:
    """A net as ONNX has it.

    Attributes:
        name: the net's.
        graph: its nodes and arrays.
        inputs, outputs: a ValueInfoProto each, in the order of the conversion's.
        forms: {layer key: its nodes and constants}, to compare with another's.
    """

    name: str
    graph: Graph
    inputs: tuple[onnx.ValueInfoProto, ...]
    outputs: tuple[onnx.ValueInfoProto, ...]
    forms: dict[str, list]


def write_net(conversion: Conversion, any_size: bool = False, pixels: str = "") -> WrittenNet:
    """Writes the net of a `Conversion`.

    Args:
        conversion: the net to deploy; its batch is open where `conversion.fixed` gives no reason against.
        any_size: whether height and width are open too.
        pixels: "BGR" or "RGB" where the inputs are pixels with their channels in that order, so that the graph begins
            with the preprocessing; "" where they are what the net's first layers read.

    Raises:
        UnsupportedError: the phase is TRAIN, layers have no exact ONNX form (all of them in one error), height and
            width cannot be open, or nothing is known of the preprocessing.
        ZooError: what is wrong with the weights.
    """
    if conversion.phase == "TRAIN":
        raise UnsupportedError("an ONNX file is written for phase TEST", got="TRAIN", want="--phase=TEST")
    written = _write(conversion, any_size, pixels, conversion.shapes)
    if not any_size:
        return written
    other = sizes.larger(conversion)
    sizes.check_same(conversion, written.forms, _write(other, any_size, "", conversion.shapes).forms)
    return _write(conversion, any_size, pixels, other.shapes)


def _write(conversion, any_size, pixels, others):
    """As `write_net`; `others` are the shapes at another height and width, so that it is known which sizes follow."""
    planned = infer_shapes(conversion.definition)
    memory.check(planned, conversion.definition)
    any_batch = not conversion.fixed
    graph, names = _names(conversion, planned)
    blob_names, errors = {}, []
    counted = _counted(planned)
    read = pixel_inputs(conversion, graph, names, pixels, any_size) if pixels else names
    forms = {}
    for plan, layer in zip(planned, conversion.array_net.layers):
        if plan.type.is_source:
            continue
        inputs = [read[ref] for ref in plan.definition.bottoms]
        first = len(graph.nodes)
        open_batch = any_batch or not counted.isdisjoint(plan.definition.bottoms)
        site = Site(graph, plan, inputs, layer.parameters, blob_names, open_batch, any_size)
        try:
            site.finish(_writer(plan.definition)(site), [names[ref] for ref in plan.definition.tops])
        except ZooError as error:
            errors.append(error)
        forms[plan.definition.key] = graph.form(first, blob_names.values())
    raise_together(errors)
    shown = {
        ref: [None] * len(shape) if ref in counted else _dims(shape, others[ref], any_batch)
        for ref, shape in conversion.shapes.items()
    }
    if any_size:
        _name_sizes(conversion, names, shown)
    fed = [helper.make_tensor_value_info(names[ref], TensorProto.FLOAT, shown[ref]) for ref in conversion.inputs]
    given = []
    for blob, ref in conversion.outputs.items():
        name = names[ref]
        if ref in conversion.inputs:
            name = graph.unique(blob)
            graph.node("Identity", [names[ref]], [name], f"{blob}/output")
        given.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shown[ref]))
    return WrittenNet(conversion.definition.name or "net", graph, tuple(fed), tuple(given), forms)


def _counted(planned):
    """Returns the values whose sizes only the data can tell."""
    found = set(padded_values(planned))
    for plan in planned:
        if plan.definition.kind == "Filter" or found.intersection(plan.definition.bottoms):
            found.update(plan.definition.tops)
    return found


def _writer(layer):
    if (function := find(layer.kind)) is None:
        raise UnsupportedError(f"has no exact ONNX form: {why_refused(layer.kind)}", at=layer.at("type"))
    return function


def _names(conversion, planned) -> tuple[Graph, Mapping[BlobRef, str]]:
    """Returns (a new graph, {value: its name}): inputs and outputs have the names of their blobs where they can."""
    graph, names = Graph(), {}
    rest = [ref for plan in planned for ref in plan.definition.tops]
    for ref in [*conversion.inputs, *conversion.outputs.values(), *rest]:
        if ref not in names:
            names[ref] = graph.unique(ref.name)
    return graph, names


def _dims(shape, other, any_batch):
    """Returns the axes of a value: None for one whose size is not the same in `other`."""
    dims = [one if one == two else None for one, two in zip(shape, other)]
    if any_batch and dims:
        dims[0] = ANY_BATCH
    return dims


def _name_sizes(conversion, names, shown):
    """Gives height and width of the inputs names: H and W of the first, of others with their own before that."""
    prefix = ""
    for ref in conversion.inputs:
        if sizes.is_plane(conversion.shapes[ref]):
            shown[ref][2:] = [f"{prefix}{name}" for name in HEIGHT_AND_WIDTH]
        prefix = f"{names[ref]}_"
