"""Every argument that cv2.dnn's documentation strings name is taken here by the same name and in the same place."""

import inspect
import re

import cv2
import numpy as np
import pytest

import zoo.cv
from tests.cv import nets

CLASSES = ("Net", "Model", "ClassificationModel", "DetectionModel", "SegmentationModel", "KeypointsModel")
_FORM = re.compile(r"^\.?\s*(\w+)\((.*)\) -> ")


def forms(function):
    """Yields the list of names of arguments of each form that cv2 documents."""
    for line in (function.__doc__ or "").splitlines():
        if found := _FORM.match(line):
            yield [name for name in re.split(r"[\[\], ]+", found[2]) if name]


def taken(function):
    """Returns (names in order of place, all names), or None where any are taken."""
    parameters = list(inspect.signature(function).parameters.values())
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    names = [parameter.name for parameter in parameters if parameter.name != "self"]
    also = getattr(function, "also_called", None) or getattr(
        getattr(function, "__wrapped__", None), "also_called", None
    )
    return [[name, *(other for other, own in (also or {}).items() if own == name)] for name in names]


def functions():
    for name in ("readNet", "readNetFromCaffe"):
        yield name, getattr(cv2.dnn, name, None), getattr(zoo.cv, name)
    for kind in CLASSES:
        theirs, ours = getattr(cv2, f"dnn_{kind}"), getattr(zoo.cv, kind)
        for name in dir(theirs):
            if not name.startswith("_") and name in dir(ours):
                yield f"{kind}.{name}", getattr(theirs, name), getattr(ours, name)


def test_arguments_have_cv2s_names_and_places():
    nets.opencv()
    wrong, seen = [], 0
    for name, theirs, ours in functions():
        own = taken(ours)
        for form in forms(theirs) if own is not None else ():
            seen += 1
            if name != "readNet" and not all(i < len(own) and arg in own[i] for i, arg in enumerate(form)):
                wrong.append(f"{name}({', '.join(form)}), here {own}")
            if any(arg not in sum(own, []) for arg in form):
                wrong.append(f"{name}: no {form} among {own}")
    assert seen > 90
    assert wrong == []


def test_what_cv2_has_and_this_has_not_is_refused_by_name():
    nets.opencv()
    net = zoo.cv.Net()
    for name in dir(cv2.dnn.Net):
        if not name.startswith("_") and name not in dir(zoo.cv.Net):
            with pytest.raises(cv2.error, match=f"Net.{name} is not offered"):
                getattr(net, name)


CALLS = [
    lambda net, x: net.getFLOPS(netInputShape=x.shape),
    lambda net, x: net.getFLOPS(layerId=1, netInputShapes=[x.shape]),
    lambda net, x: net.getMemoryConsumption(1, netInputShape=x.shape)[0],
    lambda net, x: net.getLayersShapes(netInputShape=x.shape)[0].tolist(),
    lambda net, x: net.getParam(layerName="conv1", numParam=1).tolist(),
    lambda net, x: net.setParam(layerName="ip", numParam=1, blob=np.arange(5, dtype=np.float32)),
    lambda net, x: net.getLayer(layerName="conv1").name,
    lambda net, x: [array.shape for array in net.forward(["prob", "pool"], None)],
    lambda net, x: [array.shape for array in net.forward(outBlobNames=["fl"], outputBlobs=[np.zeros((1, 36), "f")])],
    lambda net, x: [array.shape for array in net.forward([np.zeros((1, 5), "f")], "prob")],
]


def test_calls_by_keyword(tmp_path):
    x = np.random.default_rng(0).random((1, 3, 8, 8)).astype(np.float32)
    ours, theirs = nets.both(*nets.files(tmp_path))
    for net in (ours, theirs):
        net.setInput(x)
    for call in CALLS:
        assert call(ours, x) == call(theirs, x)
    for net in (ours, theirs):
        with pytest.raises(cv2.error):
            net.forward(None, ["prob"])  # names come first where there are several
        with pytest.raises(cv2.error):
            net.getFLOPS(layerId=1)


def test_buffers_by_keyword(tmp_path):
    text, weights = (np.fromfile(path, np.uint8) for path in nets.files(tmp_path))
    want = zoo.cv.readNetFromCaffe(text, weights).getLayerNames()
    assert zoo.cv.readNetFromCaffe(bufferProto=text, bufferModel=weights).getLayerNames() == want
    read = zoo.cv.readNet(framework="caffe", bufferModel=weights, bufferConfig=text)
    assert read.getLayerNames() == want
    assert zoo.cv.readNet("caffe", bufferModel=weights, bufferConfig=text).getLayerNames() == want
    with pytest.raises(TypeError, match="bufferProto and prototxt are the same argument"):
        zoo.cv.readNetFromCaffe(bufferProto=text, prototxt=text)


def test_arrays_to_write_into(tmp_path):
    image, paths = np.zeros((40, 60, 3), np.uint8), nets.files(tmp_path)
    model = zoo.cv.SegmentationModel(*paths).setOutputNames(["pool"]).setInputSize(width=32, height=24)
    mask = np.full((11, 15), 7, np.uint8)
    assert model.segment(image, mask) is mask and mask.max() < 4
    outs = [np.zeros((1, 4, 11, 15), np.float32)]
    assert model.predict(image, outs)[0] is outs[0] and outs[0].any()
    assert zoo.cv.ClassificationModel(network=zoo.cv.readNetFromCaffe(*paths)).predict(image)
