import dataclasses

import pytest

from zoo.api.reading import read
from zoo.errors import ZooError
from zoo.netdef.netdef import NetDef


def test_a_net_is_a_table():
    net = read("lenet")
    assert isinstance(net, NetDef)
    lines = repr(net).splitlines()
    assert lines[0] == "LeNet, TEST: 10 layers, 431,080 parameters"
    assert lines[1].split() == ["layer", "type", "bottoms", "tops", "shapes", "parameters", "multiply-adds"]
    assert lines[3].split() == [
        "conv1",
        "Convolution",
        "data",
        "conv1",
        "100",
        "x",
        "20",
        "x",
        "24",
        "x",
        "24",
        "520",
        "28,800,000",
    ]
    assert 'left">100 x 20 x 24 x 24</td>' in net._repr_html_() and str(net) == repr(net)


def test_phase_and_changes():
    net = read("configs/lenet.prototxt", "TRAIN", set='layer { name: "conv1" convolution_param { num_output: 7 } }')
    assert [row[4:] for row in net.rows() if row[0] == "conv1"] == [("64 x 7 x 24 x 24", "182", "6,451,200")]
    assert "accuracy" not in repr(net)
    assert dataclasses.replace(net, name="other").name == "other"


def test_what_the_data_decide_is_left_open(tmp_path):
    (tmp_path / "a&b.prototxt").write_text(
        'layer { name: "<d>" type: "Data" top: "d" data_param { source: "x" batch_size: 2 } }\n'
        'layer { name: "ip" type: "InnerProduct" bottom: "d" top: "ip" inner_product_param { num_output: 2 } }'
    )
    net = read(tmp_path / "a&b.prototxt")
    assert [row[4:] for row in net.rows()] == [("", "", ""), ("", "", "")]
    assert "&lt;d&gt;" in net._repr_html_() and "a&amp;b.prototxt, TEST: 2 layers" in net._repr_html_()
    assert repr(net).splitlines()[0].endswith("0 parameters in the 0 whose shapes are known without the data")


def test_a_second_data_layer_is_not_an_image():
    """pspnet50's label has a number for each pixel: what the header says of the image is not said of it."""
    shapes = {row[0]: row[4] for row in read("pspnet50").rows()}
    assert shapes["conv6"] == "4 x 150 x 60 x 60"
    assert shapes["label"] == shapes["loss"] == ""


def test_mistakes_are_said():
    with pytest.raises(ZooError, match='set:1: layer "conv9": no net of the config'):
        read("lenet", set='layer { name: "conv9" }')
    with pytest.raises(ZooError, match="no such phase, got 'test', want TRAIN or TEST"):
        read("lenet", "test")
    with pytest.raises(ZooError, match="not a level of a net's state, got 2147483648, want -2147483648 to 2147483647"):
        read("lenet", level=2**31)


def test_what_a_header_says_of_hdf5_data():
    """The shape of the images; that of the labels next to them may be any, and nothing is said of what reads these."""
    rows = {row[0]: row for row in read("c3d").rows()}
    batch = read("c3d").layers[0].message.hdf5_data_param.batch_size
    assert rows["conv1a"][4] == f"{batch} x 64 x 16 x 112 x 112" and rows["fc8"][5]
    assert rows["loss"][4] == ""
    assert "78,409,573 parameters in the 28 whose shapes are known" in repr(read("c3d"))
    assert {row[0]: row[4] for row in read("srcnn").rows()}["conv1"]
