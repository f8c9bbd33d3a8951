"""zoo.pages.boxes and zoo.pages.layout: what is one box, and that no box lies over another."""

import itertools

import pytest

from zoo.formats.prototxt import parse_net
from zoo.netdef.config import open_config
from zoo.netdef.net import net_def
from zoo.pages.boxes import FAR, boxes
from zoo.pages.layout import HIGH, layout

DATA = 'layer { name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param { shape { dim: 1 } } }\n'


def net(text):
    return net_def(parse_net(DATA + text), "TRAIN")


def relu(name, bottom, top=None):
    return f'layer {{ name: "{name}" type: "ReLU" bottom: "{bottom}" top: "{top or bottom}" }}\n'


def named(definition):
    """Returns ([names of the layers of a box], ...), [(first layer of a box, first layer of another, blobs), ...]."""
    found, lines = boxes(definition)
    names = [[definition.layers[index].name for index in box.layers] for box in found]
    return names, [(names[line.source][0], names[line.target][0], line.blobs) for line in lines]


def test_layers_in_place_are_rows_of_the_box_of_their_blob():
    names, lines = named(net(relu("a", "data", "a") + relu("b", "a") + relu("c", "a") + relu("d", "a", "d")))
    assert names == [["data"], ["a", "b", "c"], ["d"]]
    assert lines == [("data", "a", ("data",)), ("a", "d", ("a",))]


def test_two_tops_of_a_layer_do_not_share_rows():
    names, lines = named(net(relu("a", "data") + relu("b", "label")))
    assert names == [["data", "a"], ["b"]] and lines == [("data", "b", ("label",))]


def test_several_blobs_go_along_one_line():
    text = 'layer { name: "sum" type: "Eltwise" bottom: "data" bottom: "label" bottom: "data" top: "sum" }'
    assert named(net(text))[1] == [("data", "sum", ("data", "label"))]


def test_a_label_that_goes_far_is_named_at_both_ends():
    chain = "".join(relu(f"r{i}", f"r{i - 1}" if i else "data", f"r{i}") for i in range(FAR + 1))
    definition = net(chain + 'layer { name: "sum" type: "Eltwise" bottom: "r0" bottom: "label" top: "sum" }\n')
    assert not any(box.above for box in boxes(definition)[0])
    definition = net(chain + f'layer {{ name: "sum" type: "Eltwise" bottom: "r{FAR}" bottom: "label" top: "sum" }}\n')
    found, lines = boxes(definition)
    assert found[-1].above == [("label", 0)] and not any(line.source == 0 and line.target > 1 for line in lines)


def overlapping(corners, sizes):
    edges = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, sizes)]
    return [
        (i, j)
        for (i, a), (j, b) in itertools.combinations(enumerate(edges), 2)
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]


CONFIGS = ["lenet", "googlenet", "resnet152", "densenet121", "fcn8s", "ssd300_vgg16", "lstm_captioner", "siamese_mnist"]


@pytest.mark.parametrize("config", CONFIGS)
def test_no_box_lies_over_another_and_lines_end_at_boxes(config):
    definition = open_config(f"configs/{config}.prototxt").definition("TRAIN")
    found, lines = boxes(definition)
    sizes = [(90 + 7 * (i % 13), 40 + 19 * len(box.layers)) for i, box in enumerate(found)]
    drawn = layout(sizes, [(line.source, line.target) for line in lines])
    assert overlapping(drawn.corners, sizes) == []
    for line, route in zip(lines, drawn.routes, strict=True):
        for number, (x, y) in ((line.source, route[0]), (line.target, route[-1])):
            (left, top), (width, height) = drawn.corners[number], sizes[number]
            assert left - 1 <= x <= left + width + 1 and top - 1 <= y <= top + height + 1
    assert all(0 <= x <= drawn.size[0] and 0 <= y <= drawn.size[1] for route in drawn.routes for x, y in route)
    assert drawn == layout(sizes, [(line.source, line.target) for line in lines])


def test_a_long_chain_stands_in_columns():
    sizes, chain = [(100, 50)] * 200, [(i, i + 1) for i in range(199)]
    long = layout(sizes, chain)
    assert len({x for x, _ in long.corners}) > 3 and long.size[1] < 2 * HIGH
    assert overlapping(long.corners, sizes) == []
    short = layout(sizes[:9], chain[:8])
    assert len({x for x, _ in short.corners}) == 1
    assert layout([], []) == ([], [], (0, 0))
