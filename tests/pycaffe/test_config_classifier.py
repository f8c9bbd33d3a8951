"""Classifiers from configs: prepared as the data layer says, equal to pycaffe's Classifier that is told the same."""

import numpy as np
import pytest

import zoo.pycaffe as caffe
from tests.input.small_data import write_raw
from tests.pycaffe.nets import write
from zoo.errors import DataError, NetError, ZooError
from zoo.formats import blobproto
from zoo.pycaffe.config_classifier import Preparation, config_classifier, image_net, preparation_of, read_mean

TRAIN = """
layer {{ name: "data" type: "Data" top: "data" top: "label" {transform} data_param {{ source: "none" batch_size: 3 }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param {{ num_output: 5
  weight_filler {{ type: "gaussian" std: 0.01 }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}
"""
DEPLOY = """
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 4 dim: {channels} dim: 6 dim: 6 }} }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param {{ num_output: 5
  weight_filler {{ type: "gaussian" std: 0.01 }} }} }}
layer {{ name: "prob" type: "Softmax" bottom: "ip" top: "prob" }}
"""
RNG = np.random.default_rng(8)


def weights(folder, channels):
    """Returns paths of a net to deploy and of weights for it."""
    caffe.set_random_seed(1)
    file = write(folder, DEPLOY.format(channels=channels), "deploy.prototxt")
    caffe.Net(file, caffe.TEST).save(str(folder / "w.caffemodel"))
    return file, str(folder / "w.caffemodel")


@pytest.mark.parametrize("oversample", [False, True])
def test_mean_values_scale_and_crop_of_a_net_to_train(tmp_path, oversample):
    deploy, file = weights(tmp_path, 3)
    transform = "transform_param { mean_value: 104 mean_value: 117 mean_value: 123 scale: 0.5 crop_size: 6 }"
    config = write(tmp_path, TRAIN.format(transform=transform))
    net, said = config_classifier(config, [file], Preparation(image_dims=(8, 9)), batch=7)
    assert said == "images: BGR, 0..255, brought to 8 x 9 (H x W), of it 6 x 6; less 104, 117, 123; times 0.5"
    images = [RNG.random((11, 8, 3)).astype(np.float32) for _ in range(3)]
    mean = np.array([104, 117, 123.0])
    theirs = caffe.Classifier(deploy, file, (8, 9), mean, 0.5, 255, (2, 1, 0))
    np.testing.assert_allclose(net.predict(images, oversample), theirs.predict(images, oversample), rtol=1e-5)
    assert net.blobs["data"].shape[0] == 7


def test_a_mean_image_in_gray_and_rgb_by_flag(tmp_path):
    deploy, file = weights(tmp_path, 1)
    mean = RNG.random((1, 6, 6)).astype(np.float32) * 50
    blobproto.write_mean(tmp_path / "mean.binaryproto", mean)
    np.save(tmp_path / "mean.npy", mean)
    np.testing.assert_array_equal(read_mean(tmp_path / "mean.npy"), read_mean(tmp_path / "mean.binaryproto"))
    config = write(tmp_path, TRAIN.format(transform='transform_param { mean_file: "mean.binaryproto" }'))
    net, said = config_classifier(config, [file])
    assert said.startswith("images: gray, 0..255, brought to 6 x 6 (H x W); less a mean image of means 2")
    images = [RNG.random((6, 6, 1)).astype(np.float32)]
    theirs = caffe.Classifier(deploy, file, None, mean, None, 255)
    np.testing.assert_allclose(net.predict(images, False), theirs.predict(images, False), rtol=1e-5)
    (tmp_path / "mean.binaryproto").unlink()
    with pytest.raises(DataError, match="the config's mean file is not here, got mean.binaryproto"):
        config_classifier(config, [file], shapes={"data": (1, 1, 6, 6)})
    net, said = config_classifier(config, [file], Preparation(mean=[0]), {"data": (1, 1, 6, 6)})
    assert said == "images: gray, 0..255, brought to 6 x 6 (H x W)"
    deploy, file = weights(tmp_path, 3)
    net, said = config_classifier(deploy, [file], Preparation(mean=[9], scale=2, rgb=True))
    assert said == "images: RGB, 0..255, brought to 6 x 6 (H x W); less 9, 9, 9; times 2"
    theirs = caffe.Classifier(deploy, file, None, np.full(3, 9), 2, 255)
    images = [RNG.random((6, 6, 3)).astype(np.float32)]
    np.testing.assert_allclose(net.predict(images, False), theirs.predict(images, False), rtol=1e-5)
    assert config_classifier(deploy, [file])[1].endswith("less no mean, as neither the config nor a flag says one")


def test_a_net_that_reads_raw_rgb_is_fed_rgb(tmp_path):
    """As CIFAR-10's nets are: they have never seen B, G, R."""
    deploy, file = weights(tmp_path, 3)
    write_raw(tmp_path / "none", np.zeros((1, 6, 6, 3), np.uint8), split="train", order="RGB")
    config = write(tmp_path, TRAIN.format(transform="").replace('"none"', '"none/train"'))
    net, said = config_classifier(config, [file], data_dir=tmp_path)
    assert said == "images: RGB, 0..255, brought to 6 x 6 (H x W)"
    images = [RNG.random((6, 6, 3)).astype(np.float32)]
    theirs = caffe.Classifier(deploy, file, raw_scale=255)
    np.testing.assert_allclose(net.predict(images, False), theirs.predict(images, False), rtol=1e-5)


@pytest.mark.parametrize(
    "change, output, said",
    [
        (("dim: 3 dim: 6", "dim: 2 dim: 6"), None, "does not take images, got data 4 x 2 x 6 x 6, want one input"),
        (("dim: 6 dim: 6", "dim: 36"), None, "does not take images, got data 4 x 3 x 36"),
        ((), "nothing", 'no blob "nothing"'),
        ((), "data", "the net gives no classes, got data 4 x 3 x 6 x 6"),
        (
            ('"Softmax" bottom: "ip" top: "prob"', '"Split" bottom: "ip" top: "a" top: "b"'),
            None,
            "several outputs, got a, b",
        ),
    ],
    ids=range(5),
)
def test_nets_that_do_not_classify(tmp_path, change, output, said):
    text = DEPLOY.format(channels=3)
    config = write(tmp_path, text.replace(*change) if change else text)
    with pytest.raises(NetError, match=said):
        config_classifier(config, [], output=output)
    with pytest.raises(DataError, match="wrong number of mean values, got 2, want 1 or 3"):
        config_classifier(write(tmp_path, text), [], Preparation(mean=[1, 2]))


def test_files_that_are_no_mean(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"no array")
    np.save(tmp_path / "b.npy", np.zeros((2, 2)))
    for name, said in (("a.npy", "no mean image"), ("b.npy", r"shape \(2, 2\), want"), ("c.npy", "No such file")):
        with pytest.raises(DataError, match=said):
            read_mean(tmp_path / name)


@pytest.mark.parametrize(
    "flags, said",
    [
        ({"mean_value": ["1", "x"]}, "--mean_value takes numbers, got 1,x, want 104,117,123"),
        ({"mean_value": ["1"], "mean_file": "x"}, "exclude each other"),
        ({"images_dim": ["256"]}, "--images_dim, got 256, want height and width"),
        ({"images_dim": ["256", "0"]}, "--images_dim, got 256,0, want height and width"),
    ],
)
def test_flags_that_say_no_preparation(flags, said):
    with pytest.raises(ZooError, match=said):
        preparation_of(**flags)


def test_preparation_of_flags():
    made = preparation_of(["1", "2.5"], None, 0.5, True, ["256", "200"])
    assert made == Preparation((256, 200), [1, 2.5], 0.5, True)


def test_features_of_images_are_the_nets_blobs(tmp_path):
    deploy, file = weights(tmp_path, 3)
    net, _ = image_net(deploy, [file], Preparation(mean=[1]), outputs=["ip", "data"], batch=2)
    images = [RNG.random((6, 6, 3)).astype(np.float32) for _ in range(3)]
    found = net.features(images, ["ip", "data"])
    plain = caffe.Net(deploy, file, caffe.TEST)
    want = np.stack([image[..., ::-1].transpose(2, 0, 1) * 255 - 1 for image in images])
    np.testing.assert_allclose(found["data"], want, rtol=1e-5, atol=1e-5)
    plain.blobs["data"].reshape(3, 3, 6, 6)
    np.testing.assert_allclose(found["ip"], plain.forward(data=want, end="ip")["ip"], rtol=1e-4, atol=1e-5)
