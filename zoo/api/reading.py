"""Any prototxt as a net that shows itself: a table of its layers, as text or in a notebook."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from html import escape

from zoo.formats import config_header
from zoo.formats.packaged import find
from zoo.layers import find as find_type
from zoo.netdef.changes import Change
from zoo.netdef.config import open_config
from zoo.netdef.cost import cost
from zoo.netdef.header_shapes import input_shapes
from zoo.netdef.netdef import BlobRef, NetDef
from zoo.netdef.shape_inference import PlannedLayer, infer_shapes, infer_what_is_known

_COLUMNS = ("layer", "type", "bottoms", "tops", "shapes", "parameters", "multiply-adds")
_NUMBERS = (5, 6)


@dataclasses.dataclass(frozen=True, repr=False)
class ReadNet(NetDef):
    """A `NetDef` whose `repr` is a table of its layers.

    Attributes:
        data_shapes: {first top of a data layer: Caffe shapes of its tops}, where known.
    """

    data_shapes: Mapping[BlobRef, Sequence[tuple[int, ...]]] = dataclasses.field(default_factory=dict)

    def planned(self) -> tuple[PlannedLayer, ...]:
        """Returns the `PlannedLayer`s: of all layers, or of those whose sizes need no data that nobody has opened."""
        sized = [layer for layer in self.layers if (kind := find_type(layer.kind)) and kind.sized_by_data]
        if all(len(self.data_shapes.get(layer.tops[0], ())) == len(layer.tops) for layer in sized):
            return infer_shapes(self, self.data_shapes)
        stated = (layer for layer in self.layers if layer.tops and layer.tops[0] in self.data_shapes)
        known = {top: shape for layer in stated for top, shape in zip(layer.tops, self.data_shapes[layer.tops[0]])}
        return infer_what_is_known(self, known)[0]

    def rows(self) -> list[tuple[str, ...]]:
        """Returns the table's rows: a layer's name, type, bottoms, tops, their shapes, parameters, multiply-adds."""
        planned = {layer.definition.key: layer for layer in self.planned()}
        return [_row(self, layer, planned.get(layer.key)) for layer in self.layers]

    def __repr__(self):
        rows = [_COLUMNS, *self.rows()]
        widths = [max(len(row[index]) for row in rows) for index in range(len(_COLUMNS))]
        lines = [
            "  ".join(
                cell.rjust(width) if index in _NUMBERS else cell.ljust(width)
                for index, (cell, width) in enumerate(zip(row, widths))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([self._head(), *lines])

    def _repr_html_(self):
        sides = [
            "right" if index in _NUMBERS else "left" for index in range(len(_COLUMNS))
        ]  # which notebooks decide else
        rows = [("th", _COLUMNS), *(("td", row) for row in self.rows())]
        body = "".join(f"<tr>{''.join(map(_cell, [tag] * len(row), row, sides))}</tr>" for tag, row in rows)
        return f"<p>{escape(self._head())}</p><table>{body}</table>"

    def _head(self):
        planned = self.planned()
        there = f"{self.name or self.file}, {self.phase}: {len(self.layers)} layers"
        counted = f"{cost(self, planned).parameters:,} parameters"
        if len(planned) < len(self.layers):
            return f"{there}, {counted} in the {len(planned)} whose shapes are known without the data"
        return f"{there}, {counted}"


def _cell(tag, text, side):
    return f'<{tag} style="text-align: {side}">{escape(text)}</{tag}>'


def read(
    config: str | os.PathLike[str],
    phase: str = "TEST",
    *,
    set: str = "",
    level: int | None = None,
    stages: Sequence[str] = (),
    data_dir: str | os.PathLike[str] | None = None,
) -> ReadNet:
    """Returns the net of a prototxt of any generation, filtered and wired for a phase.

    Args:
        config: the path of a net or solver, or the name of a packaged config.
        phase: "TEST" or "TRAIN".
        set: changes of the config, as --set.
        level, stages: the rest of the state.
        data_dir: where a net that a solver names is looked for first.

    Raises:
        ZooError: what is wrong with the file, all of it in one error.

    Example:
        >>> net = read("lenet")
        >>> net.layers[1].name, net.layers[1].type
        ('conv1', 'Convolution')
        >>> print(repr(net).splitlines()[0])
        LeNet, TEST: 10 layers, 431,080 parameters
    """
    path = find(os.fspath(config))
    changes = [Change(set, "set")] if set.strip() else []
    where = None if data_dir is None else os.fspath(data_dir)
    definition = open_config(path).changed(changes, where).definition(phase, level, tuple(stages), where)
    fields = {field.name: getattr(definition, field.name) for field in dataclasses.fields(definition)}
    return ReadNet(**fields, data_shapes=_data_shapes(definition, config_header.of(path)))


_BATCHES = {"Data": "data_param", "ImageData": "image_data_param", "HDF5Data": "hdf5_data_param"}


def _data_shapes(definition, header):
    """Returns {first top: shapes of the tops} of the data layer whose image the header's words describe: the first.

    A second data layer has something else, such as a label for each pixel.
    """
    found = {}
    for blob, (_, *image) in list(input_shapes(definition, header).items())[:1]:
        layer = next(layer for layer in definition.layers if layer.tops and layer.tops[0].name == blob)
        if layer.type in _BATCHES:
            batch = getattr(layer.message, _BATCHES[layer.type]).batch_size
            label = () if layer.type == "HDF5Data" else ((batch,),)  # whose label may be anything
            found[layer.tops[0]] = ((batch, *image), *label)[: len(layer.tops)]
    return found


def _row(net, layer, planned):
    shapes = parameters = flops = ""
    if planned is not None:
        shapes = ", ".join(" x ".join(map(str, shape)) or "1 number" for shape in planned.tops)
        found = cost(net, [planned])
        parameters = f"{found.parameters:,}" if found.parameters else ""
        flops = f"{found.flops:,}" if found.flops else ""
    names = (" ".join(map(str, layer.bottoms)), " ".join(map(str, layer.tops)))
    return (layer.name, layer.type, *names, shapes, parameters, flops)
