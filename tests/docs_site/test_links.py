"""Links of pages that are read in the repository lead to the same place in the site."""

import pathlib

import pytest

from docs_site import links
from zoo.errors import ZooError

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "page, link, there",
    [
        ("docs/equality.md", "[x](layers.md#exact)", "[x](layers.md#exact)"),
        ("docs/layers.md", "[x](../zoo/layers/tile.py)", "[x](source/zoo/layers/tile.py.md)"),
        ("docs/tutorials/lenet.md", "[x](../speed.md)", "[x](../speed.md)"),
        ("docs/tutorials/lab.md", "![x](lab_caffe_and_ours.png)", "![x](lab_caffe_and_ours.png)"),
        ("docs/fine_tuning.md", "[x](../configs/lenet_finetune.prototxt)", "[x](models/lenet_finetune.md)"),
        ("docs/fine_tuning.md", "[x](../data_prep/README.md)", "[x](data_prep.md)"),
        ("data_prep/README.md", "[x](../docs/detection.md)", "[x](detection.md)"),
        ("WORKSPACE.md", "[x](docs/own_layers.md) [y](README.md)", "[x](own_layers.md) [y](index.md)"),
        ("WORKSPACE.md", "[x](configs/README.md)", "[x](models/index.md)"),
        ("docs/speed.md", "[x](https://keras.io/a.md) [y](#z)", "[x](https://keras.io/a.md) [y](#z)"),
        ("docs/speed.md", "```\n[x](nowhere.md)\n```\n", "```\n[x](nowhere.md)\n```\n"),
    ],
)
def test_a_link_leads_to_the_same_place(page, link, there):
    assert links.rewritten(link, page, ROOT)[0] == there


def test_what_is_linked_to_is_said():
    text = "[x](targets.csv) [y](../configs/generate) [z](equality.md)"
    found = {"docs/targets.csv", "configs/generate/__init__.py", "docs/equality.md"}
    assert links.rewritten(text, "docs/targets.md", ROOT)[1] == found


def test_a_link_to_no_file_is_an_error():
    with pytest.raises(ZooError, match=r"docs/speed.md: a link leads nowhere, got nowhere.md#x"):
        links.rewritten("[x](nowhere.md#x)", "docs/speed.md", ROOT)
