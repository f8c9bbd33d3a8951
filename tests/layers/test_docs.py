"""docs/layers.md lists exactly the types that are registered, where they are."""

import pathlib
import re

from zoo import layers  # noqa: F401
from zoo.layers.base.registry import layer_types, lookup
from zoo.netdef.netdef import LayerDef

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "layers.md"
ROW = re.compile(r"\| (\w+) \| `([^`]+)` \| \[(\w+)\.py\]")


def test_every_type_stands_in_the_table():
    rows = {name: (source, room) for name, source, room in ROW.findall(PAGE.read_text())}
    found = {name: lookup(LayerDef(name, name, (), (), None)) for name in layer_types()}
    assert rows == {name: (kind.source, kind.__module__.rpartition(".")[2]) for name, kind in found.items()}
    assert sum(kind.fork is None for kind in found.values()) == 61  # of BVLC Caffe
