"""Nets from paths, bytes and arrays, and what is said of files that are none."""

import pathlib

import cv2
import numpy as np
import pytest

import zoo.cv
from tests.cv import nets
from zoo.errors import PrototxtError, UnsupportedError, WeightsError, ZooError


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return nets.files(tmp_path_factory.mktemp("cv"))


def names(net):
    return net.getLayerNames(), [blob.tolist() for blob in net.getLayer("sc").blobs]


@pytest.mark.parametrize(
    "given",
    [
        lambda path: path,
        pathlib.Path,
        lambda path: pathlib.Path(path).read_bytes(),
        lambda path: bytearray(pathlib.Path(path).read_bytes()),
        lambda path: np.fromfile(path, np.uint8),
        lambda path: list(pathlib.Path(path).read_bytes()),
    ],
    ids=["str", "Path", "bytes", "bytearray", "array", "list"],
)
def test_forms(paths, given):
    want = names(zoo.cv.readNetFromCaffe(*paths))
    assert names(zoo.cv.readNetFromCaffe(*map(given, paths))) == want
    assert names(zoo.cv.readNetFromCaffe(prototxt=given(paths[0]), caffeModel=given(paths[1]))) == want


def test_read_net(paths):
    want = names(zoo.cv.readNetFromCaffe(*paths))
    assert names(zoo.cv.readNet(*paths)) == want
    assert names(zoo.cv.readNet(*reversed(paths))) == want
    text, weights = (np.fromfile(path, np.uint8) for path in paths)
    assert names(zoo.cv.readNet("caffe", weights, text)) == want
    assert zoo.cv.readNet(paths[0]).getLayerNames() == want[0]
    with pytest.raises(PrototxtError, match="the text of the net is not given"):
        zoo.cv.readNet(paths[1])
    with pytest.raises(cv2.error):  # OpenCV's own
        zoo.cv.readNet("nothing.onnx")


@pytest.mark.parametrize(
    ("text", "weights", "kind", "says"),
    [
        ("nothing.prototxt", None, PrototxtError, "nothing.prototxt: no such file"),
        (b"layer { nam: 1 }", None, PrototxtError, "the buffer:1: LayerParameter has no field"),
        (b"\xff\xfe", None, PrototxtError, "not UTF-8"),
        (np.zeros(3), None, PrototxtError, "array of float64, want uint8"),
        (nets.TEXT.encode(), "nothing.caffemodel", WeightsError, "nothing.caffemodel: no such file"),
        (nets.TEXT.encode(), b"<html>", WeightsError, "the buffer: not a Caffe weights file"),
        (nets.TEXT.encode(), b"", UnsupportedError, "the buffer of the weights is empty"),
    ],
)
def test_mistakes(text, weights, kind, says):
    with pytest.raises(kind, match=says) as caught:
        zoo.cv.readNetFromCaffe(text, weights)
    assert isinstance(caught.value, cv2.error)
    assert isinstance(caught.value, ZooError)


def test_a_text_is_not_taken_for_a_path():
    with pytest.raises(PrototxtError, match=r"^the text of a net, want its path, or its bytes \(text.encode\(\)\)$"):
        zoo.cv.readNetFromCaffe('name: "net"\nlayer { }\n')


def test_weights_that_do_not_fit(tmp_path):
    from zoo.formats import caffemodel

    caffemodel.write(tmp_path / "a.caffemodel", {**nets.weights(), "ip": [np.zeros((5, 26), np.float32)] * 2})
    net = zoo.cv.readNetFromCaffe(nets.TEXT.encode(), str(tmp_path / "a.caffemodel"))
    net.setInput(np.zeros((1, 3, 8, 8)))
    with pytest.raises(WeightsError, match=r'2 problems:[^#]*layer "ip"[^#]*blob 0 in .* got \(5, 26\)'):
        net.forward("prob")
    assert net.forward("pool").shape == (1, 4, 3, 3)
