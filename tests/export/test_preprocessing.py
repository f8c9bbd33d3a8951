"""What a file says of preprocessing, done by hand, gives what the data layer gives."""

import json

import numpy as np
import pytest

from tests.export import small_net
from tests.input.small_data import write_raw
from zoo.export import metadata
from zoo.export.conversion import convert
from zoo.export.keras_model import keras_model
from zoo.export.preprocessing import preprocessing
from zoo.formats import blobproto, prototxt
from zoo.formats.atomic import sha256
from zoo.input.transform import make_transform
from zoo.layers import lookup
from zoo.netdef.net import net_def

MEAN = np.random.default_rng(3).uniform(0, 200, (3, 12, 10)).astype(np.float32)


def by_hand(known, image):
    """Does what `Preprocessing.as_dict` says to a (H,W,C) image."""
    said = known.as_dict()
    x = image.astype(np.float32)
    if known.mean_image is not None:
        x = x - known.mean_image
    elif said["mean"]:
        x = x - np.array(said["mean"], np.float32)
    if said["crop"]:
        height, width = said["crop"]
        top, left = ((size - cut) // 2 for size, cut in zip(x.shape[:2], said["crop"]))
        x = x[top : top + height, left : left + width]
    return x * np.float32(said["scale"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "scale: 0.00390625",
        "mean_value: 11.25 scale: 0.017",
        "mean_value: 104.5 mean_value: 117.25 mean_value: 123.75 crop_size: 7",
        'mean_file: "mean.binaryproto" crop_size: 5 scale: 0.5',
        'mean_file: "mean.binaryproto"',
    ],
)
def test_done_by_hand_it_gives_what_the_data_layer_gives(text, tmp_path):
    blobproto.write_mean(tmp_path / "mean.binaryproto", MEAN)
    source = 'data_param { source: "s" batch_size: 1 }'
    net = f'layer {{ name: "d" type: "Data" top: "x" transform_param {{ {text} }} {source} }}'
    (layer,) = net_def(prototxt.parse_net(net), "TEST").layers
    known = preprocessing(layer, 0, 3, data_dir=tmp_path)
    image = np.random.default_rng(4).integers(0, 256, (12, 10, 3), np.uint8)
    transform = make_transform(layer, lookup(layer)(layer).spec.transform, "TEST", data_dir=tmp_path)
    want = np.asarray(transform.batch(image[None], 0))[0]
    np.testing.assert_allclose(by_hand(known, image), want, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(("order", "channels", "want"), [("RGB", 3, "RGB"), ("BGR", 3, "BGR"), ("gray", 1, "gray")])
def test_channels_are_in_the_order_of_the_records_that_are_here(order, channels, want, tmp_path):
    write_raw(tmp_path / "toy", np.zeros((1, 4, 4, channels), np.uint8), split="test", order=order)
    net = 'layer { name: "d" type: "Data" top: "x" data_param { source: "toy/test" batch_size: 1 } }'
    (layer,) = net_def(prototxt.parse_net(net), "TEST").layers
    assert preprocessing(layer, 0, channels, tmp_path).as_dict()["channels"] == want
    assert preprocessing(layer, 0, channels).order == ("gray" if channels == 1 else "BGR")  # the data are not here


def test_steps_are_in_the_order_of_caffe(tmp_path):
    conversion = convert(
        small_net.write(tmp_path / "net.prototxt", small_net.TRAIN_VAL), shapes={"data": (1, 3, 19, 17)}
    )
    assert conversion.preprocessing["data"].steps == (
        "channels in the order blue, green, red (as OpenCV reads them)",
        "values 0..255 as float32",
        "subtract 104.0, 117.0, 123.0, channel by channel in that order",
        "crop 17 x 17 from the middle",
        "multiply by 0.017",
    )


def test_what_is_known_travels_beside_the_file(tmp_path):
    blobproto.write_mean(tmp_path / "mean.binaryproto", MEAN)
    head = small_net.HEAD.replace("mean_value: 104 mean_value: 117 mean_value: 123", 'mean_file: "mean.binaryproto"')
    head = head.replace("crop_size: 17", "crop_size: 9")
    config = small_net.write(tmp_path / "net.prototxt", head + small_net.BODY + small_net.TAIL)
    small_net.random_weights(small_net.DEPLOY.replace("dim: 19 dim: 17", "dim: 9 dim: 9"), tmp_path / "w.caffemodel")
    conversion = convert(config, [tmp_path / "w.caffemodel"])
    exported = keras_model(conversion)
    written = metadata.write(str(tmp_path / "x.keras"), conversion, exported)
    assert written == [str(tmp_path / "x.keras.json"), str(tmp_path / "x.keras.mean.npy")]
    np.testing.assert_array_equal(np.load(written[1]), MEAN.transpose(1, 2, 0))
    said = json.loads((tmp_path / "x.keras.json").read_text())
    assert said["sources"]["config"] == {"file": config, "sha256": sha256(config)}
    assert said["sources"]["weights"][0]["sha256"] == sha256(tmp_path / "w.caffemodel")
    assert said["sources"]["filled"] == []
    data = said["inputs"]["data"]
    assert (data["shape"], data["layout"], data["channels"]) == ([None, 9, 9, 3], "NHWC", "BGR")
    assert (data["crop"], data["scale"], data["mean_npy"]) == ([9, 9], 0.017, "x.keras.mean.npy")
    np.testing.assert_allclose(data["mean"], MEAN.mean((1, 2)), rtol=1e-6)
    assert said["outputs"] == {"prob": {"shape": [None, 5], "layer": "prob"}}
    assert said["layers"]["conv1"] == {"type": "Convolution", "keras": list(exported.layers["conv1"])}
    assert said["layers"]["drop"]["keras"] == []
    assert said["parameters"] == conversion.net.parameter_count()
    assert set(said["versions"]) == {"keras", "tensorflow", "python"}
    operations = {op for layer in said["layers"].values() for op in layer["keras"]}
    assert {layer.name for layer in exported.model.layers} <= operations | {"data"}


def test_what_the_file_does_not_know_is_said(small):
    (step,) = convert(small[0]).preprocessing["data"].steps
    assert "says nothing" in step


TRANSFORM = "transform_param { %s mean_value: 104 mean_value: 117 mean_value: 123 }"


@pytest.mark.parametrize(
    ("layer", "steps"),
    [
        (
            'type: "AnnotatedData" data_param { source: "s" batch_size: 2 }'
            + TRANSFORM % "resize_param { height: 9 width: 11 }",
            ["resize to 9 x 11 (H x W)"],
        ),
        (
            'type: "AnnotatedData" data_param { source: "s" batch_size: 2 }'
            + TRANSFORM
            % "resize_param { height: 9 width: 11 resize_mode: FIT_LARGE_SIZE_AND_PAD } crop_h: 5 crop_w: 7",
            ["resize to fit into 9 x 11 (H x W), and pad", "crop 5 x 7 from the middle"],
        ),
        (
            'type: "WindowData" window_data_param { source: "s" batch_size: 2 scale: 0.5 }'
            + TRANSFORM % "crop_size: 9",
            ["cut the window out and bring it to 9 x 9", "multiply by 0.5"],
        ),
        (
            'type: "ImageData" image_data_param { source: "s" batch_size: 2 new_height: 12 new_width: 14 }'
            + TRANSFORM % "crop_size: 9",
            ["resize to 12 x 14 (H x W)", "crop 9 x 9 from the middle"],
        ),
    ],
)
def test_each_type_of_data_layer_says_its_sizes(layer, steps):
    (definition,) = net_def(prototxt.parse_net(f'layer {{ name: "d" top: "x" top: "y" {layer} }}'), "TEST").layers
    known = preprocessing(definition, 0, 3)
    mean = "subtract 104.0, 117.0, 123.0, channel by channel in that order"
    assert list(known.steps[2:]) == [steps[0], mean, *steps[1:]]
