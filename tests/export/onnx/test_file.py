"""The .onnx file: what it says of itself, its sizes, its names, what is refused, and what it leaves on the disk."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import SHARED
from tests.export.onnx.running import close, conversion_of_text, onnx, run, weights_of
from tests.input.small_data import write_raw
from zoo import reference
from zoo.errors import OutputError, UnsupportedError
from zoo.export.conversion import convert
from zoo.export.folding import fold
from zoo.export.onnx import file
from zoo.export.onnx.model import onnx_model
from zoo.formats import atomic

# In place on its input, one weight for two layers, a name with a slash, two outputs.
ODD = """
name: "odd"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 9 dim: 7 } } }
layer { name: "lift" type: "Power" bottom: "data" top: "data" power_param { shift: 1 } }
layer { name: "in/conv" type: "Convolution" bottom: "data" top: "a/b" param { name: "w" } param { name: "b" }
  convolution_param { num_output: 3 kernel_size: 3 pad: 1 weight_filler { type: "msra" } } }
layer { name: "relu" type: "ReLU" bottom: "a/b" top: "a/b" }
layer { name: "again" type: "Convolution" bottom: "a/b" top: "c" param { name: "w" } param { name: "b" }
  convolution_param { num_output: 3 kernel_size: 3 pad: 1 } }
layer { name: "pool" type: "Pooling" bottom: "c" top: "pool" pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layer { name: "sum" type: "Eltwise" bottom: "a/b" bottom: "c" top: "sum" }
layer { name: "flat" type: "Softmax" bottom: "sum" top: "prob" }
"""
PLANES = ODD.replace('"Power" bottom: "data" top: "data"', '"Power" bottom: "data" top: "lifted"').replace(
    '"Convolution" bottom: "data"', '"Convolution" bottom: "lifted"'
)


@pytest.fixture
def odd(tmp_path):
    return conversion_of_text(ODD, tmp_path / "odd.prototxt")


def images(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def check(conversion, model, x):
    want = reference.run(conversion.message, weights_of(conversion), {"data": x})
    for blob, got in zip(conversion.outputs, run(model, {"data": x}), strict=True):
        close(blob, got, want[blob])


def test_names_and_shared_weights(odd):
    model = onnx_model(odd)
    assert [value.name for value in model.graph.input] == ["data"]
    assert [value.name for value in model.graph.output] == ["data_2", "a/b", "c", "pool", "sum", "prob"]
    assert [tensor.name for tensor in model.graph.initializer if tensor.name.startswith("in/conv")] == [
        "in/conv.kernel",
        "in/conv.bias",
    ]
    assert {"lift", "in/conv", "relu", "again", "pool", "sum", "flat"} <= {node.name for node in model.graph.node}
    check(odd, model, images(5, 3, 9, 7))


def test_the_file_is_the_model(odd, tmp_path):
    path = tmp_path / "odd.onnx"
    assert file.write(odd, path) == [str(path)]
    assert onnx.load(path) == onnx_model(odd)
    onnx.checker.check_model(path, full_check=True)


def test_arrays_outside(odd, tmp_path):
    path = tmp_path / "odd.onnx"
    assert file.write(odd, path, largest=100) == [str(path), f"{path}.data"]
    onnx.checker.check_model(path, full_check=True)
    assert path.stat().st_size < (tmp_path / "odd.onnx.data").stat().st_size + 4000
    assert {tensor.data_location for tensor in onnx.load(path, load_external_data=False).graph.initializer} == {1}
    check(odd, str(path), images(2, 3, 9, 7))


def test_arrays_of_the_file_that_is_replaced_are_removed(odd, tmp_path):
    path, data = tmp_path / "odd.onnx", tmp_path / "odd.onnx.data"
    file.write(odd, path, largest=100)
    other = file.write(odd, tmp_path / "other.onnx", largest=100)
    assert file.write(odd, path) == [str(path)]
    assert not data.exists()
    assert all(pathlib.Path(name).exists() for name in other)


def test_arrays_of_others_stay(odd, tmp_path):
    path, data = tmp_path / "odd.onnx", tmp_path / "odd.onnx.data"
    data.write_bytes(b"somebody's")
    file.write(odd, path)  # there was no .onnx file
    file.write(odd, path)  # there was one, with its arrays in it
    path.write_bytes(b"not ONNX")
    file.write(odd, path)
    file.write(odd, path, largest=100)
    model = onnx.load(path, load_external_data=False)
    model.producer_name = "somebody"
    onnx.save(model, path)
    file.write(odd, path)
    assert data.exists()


def test_provenance(odd, tmp_path):
    said = {entry.key: json.loads(entry.value) for entry in onnx_model(odd).metadata_props}
    assert said["config"] == {"file": "odd.prototxt", "sha256": atomic.sha256(tmp_path / "odd.prototxt")}
    assert said["weights"] == []
    assert said["folded"] is False
    assert json.loads(next(entry.value for entry in onnx_model(fold(odd)[0]).metadata_props if entry.key == "folded"))
    assert onnx_model(odd).producer_name == "caffe-zoo"


def test_height_and_width_open(tmp_path):
    conversion = conversion_of_text(PLANES, tmp_path / "planes.prototxt")
    model = onnx_model(conversion, any_size=True)
    onnx.checker.check_model(model, full_check=True)
    assert [dim.dim_param for dim in model.graph.input[0].type.tensor_type.shape.dim] == ["N", "", "H", "W"]
    for size in ((9, 7), (10, 8), (17, 30)):
        text = PLANES.replace("dim: 9 dim: 7", "dim: {} dim: {}".format(*size))
        other = conversion_of_text(text, tmp_path / "other.prototxt")
        want = reference.run(other.message, weights_of(conversion), {"data": (x := images(2, 3, *size))})
        for blob, got in zip(conversion.outputs, run(model, {"data": x}), strict=True):
            close(f"{blob} of {size}", got, want[blob])


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ('type: "InnerProduct" inner_product_param { num_output: 2 }', 'the parameters of layer "last" depend on them'),
        ('type: "SPP" spp_param { pyramid_height: 1 }', 'the form of layer "last" depends on them'),
        ('type: "Pooling" pooling_param { kernel_size: 1 stride: 2 }', "some sizes have windows that Caffe drops"),
    ],
)
def test_height_and_width_that_cannot_be_open(layer, says, tmp_path):
    text = PLANES + f'layer {{ name: "last" bottom: "sum" top: "last" {layer} }}'
    conversion = conversion_of_text(text, tmp_path / "net.prototxt")
    with pytest.raises(UnsupportedError, match=says):
        onnx_model(conversion, any_size=True)


POOLINGS = [
    "kernel_size: 3 stride: 2",
    "kernel_size: 3 stride: 2 pad: 1",
    "pool: AVE kernel_size: 3 stride: 2 pad: 1",
    "pool: AVE kernel_size: 3 stride: 2 pad: 1 round_mode: FLOOR",
    "pool: AVE kernel_h: 4 kernel_w: 5 stride_h: 2 stride_w: 3 pad_h: 1 pad_w: 2",
    "pool: AVE kernel_size: 3 stride: 2 pad: 1 avg_include_pad: false",
    "pool: AVE global_pooling: true",
]


@pytest.mark.parametrize("body", POOLINGS)
def test_pooling_of_any_size(body, tmp_path):
    def net(*size):
        dims = "".join(f" dim: {n}" for n in (1, 2, *size))
        return (
            f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{{dims} }} }} }} layer {{ '
            f'name: "pool" type: "Pooling" bottom: "data" top: "y" pooling_param {{ {body} }} }} layer {{ '
            f'name: "crop" type: "Crop" bottom: "data" bottom: "y" top: "z" }}'
        )

    model = onnx_model(conversion_of_text(net(8, 9), tmp_path / "net.prototxt"), any_size=True)
    for size in ((8, 9), (9, 8), (10, 13), (11, 7), (12, 12)):
        x = images(1, 2, *size)
        want = reference.run(conversion_of_text(net(*size), tmp_path / "net.prototxt").message, {}, {"data": x})
        for blob, got in zip("yz", run(model, {"data": x}), strict=True):
            close(f"{blob} of {size}", got, want[blob])


def test_all_that_is_refused_is_said_at_once(tmp_path):
    more = """
      layer { name: "drop" type: "Dropout" bottom: "sum" top: "d" dropout_param { sample_weights_test: true } }
      layer { name: "l" type: "EuclideanLoss" bottom: "sum" bottom: "c" top: "l" }"""
    conversion = conversion_of_text(ODD + more, tmp_path / "net.prototxt")
    with pytest.raises(UnsupportedError) as error:
        file.write(conversion, tmp_path / "net.onnx")
    assert 'layer "drop" (Dropout): has no exact ONNX form: it draws at random' in str(error.value)
    assert 'layer "l" (EuclideanLoss): has no exact ONNX form: it compares with labels' in str(error.value)
    assert not list(tmp_path.glob("*.onnx*"))


def test_nothing_is_left_where_it_cannot_be_written(odd, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        file.write(odd, tmp_path / "none" / "odd.onnx")
    (tmp_path / "odd.onnx").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        file.write(odd, tmp_path / "odd.onnx", largest=100)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["odd.onnx", "odd.prototxt"]


IMAGES = """
name: "images"
layer { name: "data" type: "Data" top: "data" top: "label" data_param { source: "none" batch_size: 4 }
  transform_param { scale: 0.02 mean_value: 104 mean_value: 117 mean_value: 123 crop_size: 8 } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


@pytest.mark.parametrize("order", ["BGR", "RGB"])
@pytest.mark.parametrize("pixels", ["BGR", "RGB"])
def test_preprocessing_in_the_graph(pixels, order, tmp_path):
    write_raw(tmp_path / "toy", np.zeros((1, 8, 8, 3), np.uint8), order=order)
    (tmp_path / "net.prototxt").write_text(IMAGES.replace('"none"', '"toy/train"'))
    conversion = convert(tmp_path / "net.prototxt", shapes={"data": (1, 3, 8, 8)}, data_dir=str(tmp_path))
    model = onnx_model(conversion, pixels=pixels)
    x = np.random.default_rng(0).integers(0, 256, (3, 3, 8, 8)).astype(np.float32)
    fed = x if pixels == order else x[:, ::-1]
    read = (fed - np.float32([104, 117, 123]).reshape(3, 1, 1)) * np.float32(0.02)
    want = reference.run(conversion.message, weights_of(conversion), {"data": read})["prob"]
    close("prob", run(model, {"data": x})[0], want)
    said = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert said["inputs"]["pixels"] == pixels
    assert said["preprocessing"]["data"]["mean"] == [104.0, 117.0, 123.0]


def test_preprocessing_by_a_mean_image(tmp_path):
    from zoo.formats import caffe_pb2

    image = np.random.default_rng(1).uniform(0, 255, (3, 10, 12)).astype(np.float32)
    blob = caffe_pb2.BlobProto(num=1, channels=3, height=10, width=12, data=image.ravel())
    (tmp_path / "mean.binaryproto").write_bytes(blob.SerializeToString())
    means = "mean_value: 104 mean_value: 117 mean_value: 123"
    (tmp_path / "net.prototxt").write_text(IMAGES.replace(means, 'mean_file: "mean.binaryproto"'))
    conversion = convert(tmp_path / "net.prototxt", shapes={"data": (1, 3, 8, 8)}, data_dir=str(tmp_path))
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8)).astype(np.float32)
    read = (x - image[:, 1:9, 2:10]) * np.float32(0.02)
    want = reference.run(conversion.message, weights_of(conversion), {"data": read})["prob"]
    close("prob", run(onnx_model(conversion, pixels="BGR"), {"data": x})[0], want)
    (tmp_path / "mean.binaryproto").unlink()
    conversion = convert(tmp_path / "net.prototxt", shapes={"data": (1, 3, 8, 8)}, data_dir=str(tmp_path))
    with pytest.raises(UnsupportedError, match="the mean image mean.binaryproto is not found here"):
        onnx_model(conversion, pixels="BGR")


def test_nothing_known_of_the_preprocessing(odd):
    with pytest.raises(UnsupportedError, match="no layer of the file feeds images"):
        onnx_model(odd, pixels="BGR")


def test_an_im2col_that_would_fill_the_memory(tmp_path):
    text = """
      layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 900 dim: 900 } } }
      layer { name: "columns" type: "Im2col" bottom: "data" top: "y" convolution_param { kernel_size: 90 stride: 90 } }
    """
    with pytest.raises(UnsupportedError, match="would need 196830000 filter values"):
        onnx_model(conversion_of_text(text, tmp_path / "net.prototxt"))


def test_training_is_refused(tmp_path):
    (tmp_path / "net.prototxt").write_text(ODD)
    with pytest.raises(UnsupportedError, match="written for phase TEST"):
        onnx_model(convert(tmp_path / "net.prototxt", phase="TRAIN"))


def test_neither_keras_nor_tensorflow_is_loaded(tmp_path):
    (tmp_path / "net.prototxt").write_text(ODD)
    code = f"""if True:
        import sys
        from zoo.export import converting
        from zoo.export.request import Request
        from zoo.export.targets import target
        converting.run(Request({str(tmp_path / "net.prototxt")!r}, [target({str(tmp_path / "net.onnx")!r})]))
        sys.exit(any(name in sys.modules for name in ('keras', 'tensorflow')))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "onnxruntime.InferenceSession" in done.stdout


@pytest.mark.skipif(not (SHARED / "pretrained").is_dir(), reason="needs the weights in ../shared/pretrained")
@pytest.mark.parametrize("name", ["lenet", "mtcnn_det1", "mtcnn_det3"])
def test_pretrained(name, tmp_path):
    folder = SHARED / "pretrained"
    (weights,) = folder.glob(f"{name}*.caffemodel")
    conversion = convert(folder / f"{name}.prototxt", [str(weights)], load=False)
    path = tmp_path / "net.onnx"
    file.write(conversion, path)
    x = images(2, *conversion.shapes[conversion.inputs[0]][1:])
    check(conversion, str(path), x)
