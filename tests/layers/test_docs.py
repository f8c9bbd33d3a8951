"""docs/layers.md and docs/fork_layers.md list exactly the types that are registered, where they are."""

import pathlib
import re

from zoo import layers  # noqa: F401
from zoo.layers.base.registry import find, layer_types

PAGES = [pathlib.Path(__file__).resolve().parents[2] / "docs" / name for name in ("layers.md", "fork_layers.md")]
ROW = re.compile(r"\| (\w+(?: \(\w+\))?) \| `([^`]+)` \| \[(\w+)\.py\]")


def test_every_type_stands_in_the_table():
    rows = {name: (source, room) for name, source, room in ROW.findall("".join(page.read_text() for page in PAGES))}
    found = {name: find(name) for name in layer_types()}
    assert rows == {name: (kind.source, kind.__module__.rpartition(".")[2]) for name, kind in found.items()}
    assert sum(kind.fork is None for kind in found.values()) == 61  # of BVLC Caffe
