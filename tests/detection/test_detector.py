"""Images to the net's input, rows to boxes, boxes on images, names of labels."""

import os
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from zoo.detection.detector import Box, Detector, read_image
from zoo.detection.drawing import draw
from zoo.detection.labels import read_labels
from zoo.errors import DataError, NetError


class Net:
    """Gives the same rows for every image, and keeps what it was fed."""

    def __init__(self, rows, shape=(2, 3, 4, 6), output=(1, 1, 1, 7)):
        self.rows = np.float32(rows).reshape(1, 1, -1, 7)
        reshaped = []
        self.inputs, self.outputs, self.reshaped = ["data"], ["found"], reshaped
        self.blobs = {
            "data": SimpleNamespace(shape=shape, reshape=lambda *dims: reshaped.append(dims)),
            "found": SimpleNamespace(shape=output),
        }

    def forward(self, **fed):
        self.fed = fed["data"]
        return {"found": self.rows}


ROWS = [[0, 1, 0.5, 0.1, 0.2, 0.5, 0.6], [0, 2, 0.9, 0, 0, 1, 1], [0, 1, 0.3, 0, 0, 1, 1]]


def test_boxes_in_pixels_best_first():
    net = Net(ROWS)
    found = Detector(net)(np.zeros((10, 20, 3), np.uint8), threshold=0.5)
    assert [(box.label, round(box.score, 3)) for box in found] == [(2, 0.9), (1, 0.5)]
    np.testing.assert_allclose([found[1].xmin, found[1].ymin, found[1].xmax, found[1].ymax], [2, 2, 10, 6], rtol=1e-6)
    assert net.reshaped == [(1, 3, 4, 6)]


def test_nothing_found():
    assert Detector(Net([[0, -1, -1, -1, -1, -1, -1]]))(np.zeros((4, 4, 3), np.uint8)) == []


def test_the_input_is_resized_and_has_its_mean_taken():
    image = np.random.default_rng(3).integers(0, 256, (9, 7, 3), np.uint8)
    net = Net(ROWS)
    Detector(net, mean=(1, 2, 3), scale=0.5)(image)
    want = (cv2.resize(image, (6, 4)).astype(np.float32) - [1, 2, 3]) * 0.5
    np.testing.assert_array_equal(net.fed[0], want.transpose(2, 0, 1))
    Detector(net, rgb=True)(image)
    np.testing.assert_array_equal(net.fed[0], cv2.resize(image, (6, 4))[:, :, ::-1].transpose(2, 0, 1))
    gray = Net(ROWS, shape=(1, 1, 4, 6))
    Detector(gray)(image)
    np.testing.assert_array_equal(gray.fed[0, 0], cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (6, 4)))


def test_nets_that_are_no_detectors():
    with pytest.raises(NetError, match="gives no detections.*found .1, 10."):
        Detector(Net(ROWS, output=(1, 10)))
    with pytest.raises(NetError, match="one input of images"):
        Detector(Net(ROWS, shape=(1, 10)))
    with pytest.raises(NetError, match="wrong number of mean values, got 2, want 1 or 3"):
        Detector(Net(ROWS), mean=(1, 2))


def test_drawing_marks_the_box_and_leaves_the_image():
    image = np.zeros((100, 120, 3), np.uint8)
    drawn = draw(image, [Box(1, 0.9, 10, 40, 60, 80), Box(2, 0.5, -20, -20, 500, 500)], {1: "cat"})
    assert not image.any() and drawn.shape == image.shape
    assert drawn[60, 10].any() and drawn[40, 30].any() and not drawn[60, 35].any()
    assert drawn[99, 60].any()  # what lies beyond the edge is drawn at it


def test_labels(tmp_path):
    path = tmp_path / "labels"
    path.write_text('item { name: "n1" label: 3 display_name: "cat" } item { name: "dog" label: 4 }')
    assert read_labels(path) == {3: "cat", 4: "dog"}
    path.write_text("background\ncat\n\ndog\n")
    assert read_labels(path) == {0: "background", 1: "cat", 3: "dog"}
    path.write_text("item { nam: 3 }")
    with pytest.raises(DataError, match="not a labelmap"):
        read_labels(path)
    with pytest.raises(DataError, match="cannot read the labels"):
        read_labels(tmp_path / "gone")


def test_images(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, said in (
        ("a.jpg", "an image that does not decode"),
        ("gone.jpg", "cannot read the image"),
        ("pipe.jpg", "cannot read the image, got is a device, pipe or socket"),
    ):
        with pytest.raises(DataError, match=f"{name}: {said}"):
            read_image(tmp_path / name)
