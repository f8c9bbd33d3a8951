"""The result files that SSD's test nets write."""

import json
import re

import numpy as np
import pytest

from tests.layers.one_layer_net import one_layer
from zoo.errors import DataError, ZooError
from zoo.formats import labelmap
from zoo.layers.ops import output_paths
from zoo.layers.ops.detection_results import coco, in_pixels

ROWS = np.array(
    [
        [0, 1, 0.9, 0.1, 0.2, 0.5, 0.6],
        [0, 2, 0.12345678, -0.2, 0, 1.3, 0.5],
        [2, 1, 0.5, 0.25, 0.25, 0.75, 1],
        [-1, -1, -1, -1, -1, -1, -1],
    ]
)
DETECTION = ((3, 24), (3, 12), (1, 2, 24))


@pytest.fixture
def files(tmp_path):
    (tmp_path / "map").write_text(labelmap.text({"cat": 1, "12": 2}))
    (tmp_path / "sizes").write_text("000007 100 200\n8 50 40\nc 333 500\nd 9 9\n")
    return tmp_path


def layer(files, form, more="num_test_image: 3", classes=3):
    save = f"output_directory: '{files}/out' output_name_prefix: 'x_' output_format: '{form}' {more}"
    save += f" label_map_file: '{files}/map' name_size_file: '{files}/sizes'"
    bottoms = ((3, 24), (3, 6 * classes), (1, 2, 24))
    body = f"detection_output_param {{ num_classes: {classes} save_output_param {{ {save} }} }}"
    return one_layer("DetectionOutput", body, bottoms).layers[-1].type


@pytest.mark.parametrize(
    "form, wanted",
    [
        (
            "VOC",
            {
                "x_cat.txt": "000007 0.9 20 20 100 60\nc 0.5 125 83 375 332\n",
                "x_12.txt": "000007 0.123457 0 0 200 50\n",
            },
        ),
        ("ILSVRC", {"x_.txt": "000007 1 0.9 20 20 100 60\n000007 2 0.123457 0 0 200 50\nc 1 0.5 125 83 375 332\n"}),
    ],
)
def test_lines(files, form, wanted):
    writer = layer(files, form).writer()
    for _ in range(2):  # each pass over the images writes them again
        writer.add(ROWS[None, None], 3)
        assert {path.name: path.read_text() for path in (files / "out").iterdir()} == wanted


def test_coco(files):
    writer = layer(files, "COCO", "num_test_image: 4").writer()
    writer.add(ROWS[None, None], 3)
    assert not (files / "out").exists()
    writer.add(np.full((1, 1, 1, 7), -1), 1)  # a batch without detections
    first, second, third = json.loads((files / "out" / "x_.json").read_text())
    assert first == {
        "image_id": "000007",
        "category_id": "cat",
        "bbox": pytest.approx([20, 20, 80, 40]),
        "score": pytest.approx(0.9),
    }
    assert second["category_id"] == 12 and third["image_id"] == "c"
    assert third["bbox"] == pytest.approx([125, 83.25, 250, 249.75])


@pytest.mark.parametrize("name, wanted", [("17", 17), ("0", 0), ("017", "017"), ("9" * 5000, "9" * 5000)])
def test_a_name_that_is_a_number(name, wanted):
    (row,) = json.loads(coco([(name, 1, 0.5, (1, 2, 3, 4))], {1: "cat"}))
    assert row["image_id"] == wanted


@pytest.mark.parametrize("given", ["out", "out/", "./out", "a/../out"])
def test_a_path_that_is_taken_as_it_stands_is_no_other_place(given):
    assert not output_paths.elsewhere(output_paths.placed(given), given)
    with output_paths.below("."):
        assert not output_paths.elsewhere(output_paths.placed(given), given)
    with output_paths.below("run"):
        assert output_paths.elsewhere(output_paths.placed(given), given)


def test_halves_are_rounded_away_from_zero():
    assert in_pixels([0, 0.125, 1, 1], (1, 2)).tolist() == [0, np.float32(0.13), 2, np.float32(0.88)]


@pytest.mark.parametrize(
    "more, classes, said",
    [
        ("num_test_image: 5", 3, "num_test_image does not fit, got 5, want 1 to 4"),
        ("", 4, "does not name a label, got 3"),
    ],
)
def test_what_does_not_fit(files, more, classes, said):
    with pytest.raises(DataError, match=re.escape(said)):
        layer(files, "VOC", more, classes).writer()


@pytest.mark.parametrize("prefix, name", [("x_", "../../evil"), ("../x_", "cat"), ("/tmp/x_", "cat")])
@pytest.mark.parametrize("form", ["VOC", "COCO"])
def test_names_that_lead_elsewhere(files, prefix, name, form):
    (files / "map").write_text(labelmap.text({name: 1, "dog": 2}))
    made = layer(files, form)
    made.layer.message.detection_output_param.save_output_param.output_name_prefix = prefix
    if form == "COCO" and prefix == "x_":
        assert made.writer()  # whose one file has no class in its name
        return
    with pytest.raises(DataError, match="no name for a result file"):
        made.writer()


def test_what_is_refused_or_not_written(files, caplog):
    output_paths.say.cache_clear()  # what another test heard is said again
    with pytest.raises(ZooError, match="no such output_format, got none, want VOC, COCO, ILSVRC"):
        layer(files, "")
    with pytest.raises(ZooError, match="warped alone"):
        layer(files, "VOC", "resize_param { resize_mode: FIT_SMALL_SIZE }")
    body = f"detection_output_param {{ num_classes: 2 save_output_param {{ output_directory: '{files}' }} }}"
    assert one_layer("DetectionOutput", body, DETECTION).layers[-1].type.writer() is None
    assert "no label_map_file, so no results are written" in caplog.text


def test_a_stranger_writes_into_the_run_directory(files):
    with output_paths.below(files / "run"):
        made = layer(files, "VOC")
    made.writer().add(ROWS[None, None], 3)
    assert (files / "run" / "out" / "x_cat.txt").is_file() and not (files / "out").exists()


def test_a_folder_that_cannot_be_made(files):
    (files / "out").write_text("a file")
    writer = layer(files, "VOC").writer()
    with pytest.raises(DataError, match="cannot make the folder"):
        writer.add(ROWS[None, None], 3)
    assert len(writer.raised) == 1
