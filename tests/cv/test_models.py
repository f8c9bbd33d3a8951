"""The model classes and what `install` puts into cv2.dnn, next to OpenCV's own."""

import cv2
import numpy as np
import pytest

import zoo.cv
from tests.cv import nets
from zoo.cv import installing, models
from zoo.errors import NetError, UnsupportedError


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return nets.files(tmp_path_factory.mktemp("cv"))


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


def pair(kind, *given, outputs=None, **params):
    nets.opencv()
    made = [getattr(models, kind)(*given), getattr(cv2.dnn, kind)(*given)]
    for model in made:
        model.setInputParams(**params)
        if outputs:
            model.setOutputNames(outputs)
    return made


PARAMS = [
    {"size": (8, 8)},
    {"size": (8, 8), "scale": 0.017, "mean": (104, 117, 123), "swapRB": True},
    {"size": (8, 8), "scale": 0.5, "crop": True},
]


@pytest.mark.parametrize("params", PARAMS, ids=["plain", "mean", "crop"])
def test_predict_and_classify(paths, image, params):
    ours, theirs = pair("ClassificationModel", *paths, outputs=["prob"], **params)
    assert all(nets.alike(a, b, 5e-6) for a, b in zip(ours.predict(image), theirs.predict(image)))
    for softmax in (False, True):
        for model in (ours, theirs):
            model.setEnableSoftmaxPostProcessing(softmax)
        assert ours.getEnableSoftmaxPostProcessing() == theirs.getEnableSoftmaxPostProcessing() == softmax
        (best, score), (other, wanted) = ours.classify(image), theirs.classify(image)
        assert best == other
        assert score == pytest.approx(wanted, rel=1e-5)


def test_the_size_of_the_file_counts_where_none_is_given(paths, image):
    nets.opencv()
    ours, theirs = models.Model(*paths), cv2.dnn.ClassificationModel(*paths)
    assert [a.shape for a in ours.predict(image)] == [a.shape for a in theirs.predict(image)]


def test_segment(paths, image):
    ours, theirs = pair("SegmentationModel", *paths, outputs=["pool"], size=(32, 24))
    assert np.array_equal(ours.segment(image), theirs.segment(image))


@pytest.mark.parametrize("threshold", [0.5, 400.0])
def test_key_points(paths, image, threshold):
    ours, theirs = pair("KeypointsModel", *paths, outputs=["pool"], size=(32, 24))
    assert np.array_equal(ours.estimate(image, threshold), theirs.estimate(image, threshold))


@pytest.mark.parametrize("overlap", [0.0, 0.3])
def test_detect(shared, overlap):
    folder = shared / "pretrained_forks"
    given = [str(folder / f"res10_ssd_face.{end}") for end in ("caffemodel", "prototxt")]
    ours, theirs = pair("DetectionModel", *given, size=(300, 300), mean=(104, 177, 123))
    found = 0
    for path in sorted((shared / "imagenet_sample").glob("*.JPEG"))[:40:8]:
        photograph = cv2.imread(str(path))
        got, want = (model.detect(photograph, 0.2, overlap) for model in (ours, theirs))
        assert np.array_equal(got[0], want[0])
        assert np.allclose(got[1], want[1], atol=1e-5)
        assert np.abs(np.array(got[2]) - np.array(want[2])).max(initial=0) <= 1  # a pixel where rounding decides
        found += len(want[0])
    assert found
    with pytest.raises(UnsupportedError, match='Unknown output layer type: "Softmax"'):
        models.DetectionModel(str(shared / "pretrained/lenet.prototxt")).detect(photograph)


def test_mistakes(paths, image):
    model = models.ClassificationModel(*paths)
    with pytest.raises(NetError, match="the net must have one output, got prob, fl"):
        model.classify(image)
    model.setInputSize(0, 0)
    with pytest.raises(cv2.error, match="Input size not specified"):
        model.predict(image)


def test_setters_return_the_model(paths):
    model = models.DetectionModel(*paths)
    for name, value in (("Size", (8, 8)), ("Scale", 1.0), ("Mean", (1, 2, 3)), ("SwapRB", True), ("Crop", True)):
        assert getattr(model, f"setInput{name}")(value) is model
    for name in ("setPreferableBackend", "setPreferableTarget", "enableWinograd", "setNmsAcrossClasses"):
        assert getattr(model, name)(0) is model
    assert not model.getNmsAcrossClasses()


def test_a_layer_that_is_registered_is_said_not_to_be_used(monkeypatch, caplog):
    registered = []
    monkeypatch.setattr(installing, "_REGISTER", lambda *args: registered.append(args))
    for kind in ("Crop", "MyOwn"):
        installing._register_layer(kind, dict)
    assert registered == [("Crop", dict), ("MyOwn", dict)]
    assert [record.getMessage() for record in caplog.records] == [
        "cv2.dnn_registerLayer: nets of Caffe's files compute Crop as Caffe does, not by dict"
    ]


def test_install(paths, image, monkeypatch):
    monkeypatch.setattr(cv2, "dnn_registerLayer", cv2.dnn_registerLayer)
    for name in ("readNetFromCaffe", "readNet", *installing._MODELS):
        monkeypatch.setattr(cv2.dnn, name, getattr(cv2.dnn, name, None), raising=False)
    for name in installing._MODELS:
        monkeypatch.setattr(cv2, f"dnn_{name}", getattr(cv2, f"dnn_{name}"))
    zoo.cv.install()
    once = cv2.dnn.DetectionModel
    zoo.cv.install()
    assert cv2.dnn.DetectionModel is once
    net = cv2.dnn.readNetFromCaffe(*paths)
    assert isinstance(net, zoo.cv.Net)
    assert isinstance(cv2.dnn.readNet(*reversed(paths)), zoo.cv.Net)
    assert isinstance(cv2.dnn_ClassificationModel(net), models.ClassificationModel)
    assert isinstance(cv2.dnn.ClassificationModel(*paths), models.ClassificationModel)
    text, weights = paths
    for given in ({"model": weights, "config": text}, {"config": text, "model": weights}, {"network": net}):
        assert isinstance(cv2.dnn.ClassificationModel(**given), models.ClassificationModel)
    with pytest.raises(TypeError, match="nothing"):
        cv2.dnn.ClassificationModel(net, nothing=1)
    with pytest.raises((cv2.error, SystemError)):  # OpenCV's own
        cv2.dnn.DetectionModel("nothing.onnx")


def test_the_rest_is_opencvs():
    assert zoo.cv.blobFromImage is cv2.dnn.blobFromImage
    assert zoo.cv.NMSBoxes is cv2.dnn.NMSBoxes
    assert zoo.cv.DNN_TARGET_CPU == cv2.dnn.DNN_TARGET_CPU
    with pytest.raises(AttributeError, match=r"neither zoo\.cv nor cv2\.dnn has nothing"):
        _ = zoo.cv.nothing
