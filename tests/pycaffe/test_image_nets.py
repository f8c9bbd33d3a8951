"""Classifier and Detector over a net whose answers NumPy can give."""

import cv2
import numpy as np
import pytest

import zoo.pycaffe as caffe
from tests.pycaffe.nets import write
from zoo.errors import DataError, NetError, UnsupportedError, ZooError

RNG = np.random.default_rng(8)
TEXT = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 3 dim: 6 dim: 6 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 5
  weight_filler { type: "gaussian" std: 0.01 } } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""
MEAN, SWAP = np.array([104.0, 117.0, 123.0]), (2, 1, 0)


@pytest.fixture
def files(tmp_path):
    caffe.set_random_seed(1)
    file = write(tmp_path, TEXT)
    caffe.Net(file, caffe.TEST).save(str(tmp_path / "w.caffemodel"))
    return file, str(tmp_path / "w.caffemodel")


def answer(net, crops):
    """Probabilities of RGB crops (H, W, 3) in [0, 1], by hand."""
    x = np.stack(crops)[..., ::-1].transpose(0, 3, 1, 2) * 255 - MEAN[:, None, None]
    scores = x.reshape(len(x), -1) @ net.params["ip"][0].data.T
    scores = np.exp(scores - scores.max(1, keepdims=True))
    return scores / scores.sum(1, keepdims=True)


def test_classifier(files):
    net = caffe.Classifier(*files, image_dims=(8, 9), mean=MEAN, raw_scale=255, channel_swap=SWAP)
    pictures = [RNG.random((8, 9, 3)).astype(np.float32) for _ in range(3)]
    centre = net.predict(pictures, oversample=False)
    np.testing.assert_allclose(centre, answer(net, [p[1:7, 1:7] for p in pictures]), rtol=1e-4, atol=1e-6)
    ten = net.predict(pictures)
    for got, picture in zip(ten, pictures):
        want = answer(net, caffe.io.oversample([picture], (6, 6))).mean(0)
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)
    plain = caffe.Classifier(*files, mean=MEAN, raw_scale=255, channel_swap=SWAP)
    big = RNG.random((17, 13, 3)).astype(np.float32)
    want = answer(net, [caffe.io.resize_image(big, (6, 6))])
    np.testing.assert_allclose(plain.predict([big], oversample=False), want, rtol=1e-4, atol=1e-6)
    with pytest.raises(DataError, match="no image"):
        net.predict([])


def test_detector(files, tmp_path):
    picture = RNG.integers(0, 256, (20, 30, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "p.png"), picture[..., ::-1])
    windows = np.array([[2, 3, 8, 9], [0, 0, 20, 30], [5, 20, 17, 29]])
    net = caffe.Detector(*files, mean=MEAN, raw_scale=255, channel_swap=SWAP)
    found = net.detect_windows([(str(tmp_path / "p.png"), windows), (str(tmp_path / "p.png"), windows[:2])])
    assert [d["filename"] for d in found] == [str(tmp_path / "p.png")] * 5
    crops = [caffe.io.resize_image(picture[a:c, b:d] / 255, (6, 6)) for a, b, c, d in windows]
    crops[0] = picture[2:8, 3:9] / 255
    for detection, want in zip(found, answer(net, [*crops, *crops[:2]])):
        np.testing.assert_allclose(detection["prediction"], want, rtol=1e-3, atol=1e-5)
    assert net.detect_windows([]) == []
    with pytest.raises(DataError, match="without a pixel"):
        net.detect_windows([(str(tmp_path / "p.png"), [(5, 5, 5, 9)])])
    with pytest.raises(UnsupportedError, match="MATLAB"):
        net.detect_selective_search(["p.png"])


def test_context_is_filled_with_the_mean(files):
    net = caffe.Detector(*files, mean=MEAN, raw_scale=255, channel_swap=SWAP, context_pad=1)
    picture = np.full((20, 30, 3), 0.5, np.float32)
    inside = net.crop(picture, np.array((8, 8, 12, 12)))
    np.testing.assert_allclose(inside, np.full((6, 6, 3), 0.5))  # the image goes on around the window
    corner = net.crop(picture, np.array((0, 0, 9, 9)))
    rgb = MEAN[::-1] / 255
    np.testing.assert_allclose(corner[0], np.tile(rgb, (6, 1)), rtol=1e-5)
    np.testing.assert_allclose(corner[:, 0], np.tile(rgb, (6, 1)), rtol=1e-5)
    np.testing.assert_allclose(corner[2:, 2:], np.full((4, 4, 3), 0.5), rtol=1e-5)


def test_nets_without_images(tmp_path, files):
    text = 'layer { name: "d" type: "DummyData" top: "d" dummy_data_param { shape { dim: 1 } } }'
    with pytest.raises(DataError, match="no input for images"):
        caffe.Classifier(write(tmp_path, text, "other.prototxt"), None)
    with pytest.raises(NetError, match="channels"):
        caffe.Classifier(*files, mean=np.zeros(4))
    with pytest.raises(ZooError, match="no such file"):
        caffe.Classifier(files[0], "gone.caffemodel")
