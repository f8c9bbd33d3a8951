"""From a config to the net to deploy: which net, which shapes, which outputs, which batch; and what is refused."""

import pathlib

import h5py
import keras
import numpy as np
import pytest

from tests.export import small_net
from tests.layers.cases import ALL
from zoo.errors import DataError, NetError, UnsupportedError, WeightsError, ZooError
from zoo.export import input_shapes
from zoo.export.batch_size import why_fixed
from zoo.export.conversion import convert
from zoo.export.keras_model import keras_model
from zoo.formats import blobproto, caffemodel, prototxt
from zoo.netdef.net import net_def

SOLVER = 'base_lr: 0.1 lr_policy: "fixed" max_iter: 3 test_iter: 1 test_interval: 5 '


def shapes(conversion):
    return {ref.name: conversion.net.shapes[ref] for ref in conversion.net.inputs}


def test_a_train_val_net_a_deploy_net_and_two_solvers_give_one_model(small, tmp_path):
    deploy, weights, _ = small
    train_val = small_net.write(tmp_path / "train_val.prototxt", small_net.TRAIN_VAL)
    inline = small_net.write(tmp_path / "inline.prototxt", SOLVER + f"net_param {{ {small_net.TRAIN_VAL} }}")
    beside = small_net.write(tmp_path / "solver.prototxt", SOLVER + 'net: "train_val.prototxt"')
    x = np.random.default_rng(0).normal(size=(2, 19, 17, 3)).astype(np.float32)
    given = []
    for config in (deploy, train_val, inline, beside):
        conversion = convert(config, [weights], shapes={"data": (1, 3, 19, 17)})
        assert list(conversion.outputs) == ["prob"] and shapes(conversion) == {"data": (1, 3, 19, 17)}
        given.append(np.asarray(keras_model(conversion).model(x)))
    for one in given[1:]:
        np.testing.assert_array_equal(one, given[0])


def test_the_phase_chooses_the_net_of_a_solver(tmp_path):
    for name in ("mine", "first", "second"):
        layer = f'layer {{ name: "{name}" type: "Power" bottom: "data" top: "{name}" }}'
        small_net.write(tmp_path / f"{name}.prototxt", small_net.INPUT + layer)
    text = SOLVER.replace("test_iter: 1", "test_iter: 1 test_iter: 1") + 'train_net: "mine.prototxt"'
    config = small_net.write(
        tmp_path / "solver.prototxt", text + ' test_net: "first.prototxt" test_net: "second.prototxt"'
    )
    assert list(convert(config).outputs) == ["first"]
    assert list(convert(config, phase="TRAIN").outputs) == ["mine"]


def test_level_and_stages_filter(tmp_path):
    rule = 'layer {{ name: "{0}" type: "Power" bottom: "data" top: "{0}" include {{ {1} }} }}'
    text = small_net.INPUT + rule.format("deep", "min_level: 2") + rule.format("shown", 'stage: "deploy"')
    config = small_net.write(
        tmp_path / "net.prototxt", text + 'layer { name: "p" type: "Power" bottom: "data" top: "p" }'
    )
    assert list(convert(config).outputs) == ["p"]
    assert list(convert(config, level=3, stages=["deploy"]).outputs) == ["deep", "p", "shown"]


# ---- shapes ----------------------------------------------------------------------------------------------------


def data_net(layer, weights_of="data"):
    return f"""
    layer {{ name: "d" top: "data" top: "label" {layer} }}
    layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv"
      convolution_param {{ num_output: 4 kernel_size: 3 group: 2 }} }}
    layer {{ name: "fc" type: "InnerProduct" bottom: "conv" top: "fc" inner_product_param {{ num_output: 3 }} }}
    layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }}
    """


DATA = 'type: "Data" data_param { source: "nowhere" batch_size: 7 } '
IMAGES = 'type: "ImageData" image_data_param { source: "list" batch_size: 7 new_height: 11 new_width: 13 '

BOXES = 'type: "AnnotatedData" data_param { source: "nowhere" batch_size: 7 } '
WINDOWS = 'type: "WindowData" window_data_param { source: "nowhere" batch_size: 7 } '


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (DATA + "transform_param { crop_size: 9 mean_value: 1 mean_value: 2 }", (1, 2, 9, 9)),
        (DATA + "transform_param { crop_size: 9 force_color: true mean_value: 5 }", None),  # 3 channels in two groups
        (DATA + 'transform_param { mean_file: "mean.binaryproto" }', (1, 4, 6, 5)),
        (DATA + 'transform_param { crop_size: 4 mean_file: "mean.binaryproto" }', (1, 4, 4, 4)),
        (IMAGES + "} transform_param { mean_value: 1 mean_value: 2 }", (1, 2, 11, 13)),
        (BOXES + "transform_param { resize_param { height: 9 width: 11 } }", (1, 3, 9, 11)),
        (BOXES + "transform_param { resize_param { height: 9 width: 11 } crop_h: 5 crop_w: 7 }", (1, 3, 5, 7)),
        (WINDOWS + "transform_param { crop_size: 9 }", (1, 3, 9, 9)),
        ('type: "DummyData" dummy_data_param { shape { dim: 8 dim: 2 dim: 7 dim: 5 } }', (8, 2, 7, 5)),
        ('type: "MemoryData" memory_data_param { batch_size: 3 channels: 2 height: 7 width: 5 }', (3, 2, 7, 5)),
    ],
)
def test_a_shape_is_found_where_the_file_says_it(layer, shape, tmp_path):
    blobproto.write_mean(tmp_path / "mean.binaryproto", np.ones((4, 6, 5), np.float32))
    text = data_net(layer)
    if shape and shape[1] == 3:
        text = text.replace("group: 2", "group: 3").replace("num_output: 4", "num_output: 6")
    config = small_net.write(tmp_path / "net.prototxt", text)
    if shape is None:
        with pytest.raises(NetError, match="want a divisor of the 3 channels"):
            convert(config)
    else:
        assert shapes(convert(config)) == {"data": shape}


def test_gray_images_have_one_channel(tmp_path):
    for layer in (
        DATA + "transform_param { crop_size: 9 force_gray: true }",
        IMAGES + "is_color: false }",
    ):
        text = data_net(layer).replace("group: 2", "")
        assert shapes(convert(small_net.write(tmp_path / "net.prototxt", text)))["data"][1] == 1


def test_channels_are_those_of_the_weights_and_else_three(tmp_path):
    text = data_net(DATA + "transform_param { crop_size: 9 }")
    config = small_net.write(tmp_path / "net.prototxt", text)
    conv = [np.ones((4, 3, 3, 3), np.float32), np.ones(4, np.float32)]  # two groups of three channels
    caffemodel.write(tmp_path / "w.caffemodel", {"conv": conv})
    conversion = convert(config, [tmp_path / "w.caffemodel"])
    assert shapes(conversion) == {"data": (1, 6, 9, 9)}
    assert conversion.filled == ("fc",)
    single = small_net.write(tmp_path / "one.prototxt", text.replace("group: 2", ""))
    conversion = convert(single)
    assert shapes(conversion) == {"data": (1, 3, 9, 9)}
    assert "nothing says otherwise" in conversion.found["data"]
    assert conversion.filled == ("conv", "fc")


def test_the_header_of_a_config_says_what_its_fields_and_data_do_not(tmp_path):
    text = pathlib.Path("configs/lenet.prototxt").read_text(encoding="utf-8")
    (tmp_path / "lenet.prototxt").write_text(text, encoding="utf-8")
    conversion = convert(tmp_path / "lenet.prototxt", data_dir=tmp_path)
    assert shapes(conversion) == {"data": (1, 1, 28, 28)}
    assert conversion.found == {"data": "the config's header"}
    (tmp_path / "own.prototxt").write_text(text.replace("# input: 1 x 28 x 28", "# input: a digit"), encoding="utf-8")
    with pytest.raises(NetError, match='nothing in the file says height and width and number of channels of "data"'):
        convert(tmp_path / "own.prototxt", data_dir=tmp_path)


def test_what_nothing_says_is_asked_for(tmp_path):
    config = small_net.write(tmp_path / "net.prototxt", data_net(DATA))
    want = (
        r'net\.prototxt:2: layer "d" \(Data\): nothing in the file says height and width and number of channels '
        r"of \"data\", and its data cannot be opened here \(say it with --input_shape='data: 1,3,227,227'"
    )
    with pytest.raises(NetError, match=want):
        convert(config)
    one_mean = small_net.write(
        tmp_path / "m.prototxt", data_net(DATA + "transform_param { crop_size: 9 mean_value: 5 }")
    )
    with pytest.raises(NetError, match='says number of channels of "data"'):
        convert(one_mean)


def test_only_what_is_deployed_is_asked_for(tmp_path):
    text = """
    layer { name: "a" type: "HDF5Data" top: "x" top: "unused" top: "y" hdf5_data_param { source: "l" batch_size: 2 } }
    layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 3 } }
    layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" }
    """
    config = small_net.write(tmp_path / "net.prototxt", text)
    with pytest.raises(NetError) as caught:
        convert(config)
    assert 'the shape of "x"' in str(caught.value) and "problems" not in str(caught.value)
    assert shapes(convert(config, shapes={"x": (2, 5)})) == {"x": (2, 5)}


def test_the_data_say_what_the_file_does_not(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = np.zeros((8, 5, 4), np.float32), np.zeros((8, 3), np.float32)
    (tmp_path / "list.txt").write_text("a.h5\n")
    text = """
    layer { name: "a" type: "HDF5Data" top: "x" top: "y" hdf5_data_param { source: "list.txt" batch_size: 2 } }
    layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 3 } }
    layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" top: "loss" }
    """
    conversion = convert(small_net.write(tmp_path / "net.prototxt", text), data_dir=tmp_path)
    assert shapes(conversion) == {"x": (2, 5, 4)} and conversion.found == {"x": "the data"}


def test_a_database_says_the_size_of_its_images(shared, tmp_path):
    layer = 'type: "Data" data_param { source: "raw_lmdb" batch_size: 7 backend: LMDB }'
    config = small_net.write(tmp_path / "net.prototxt", data_net(layer).replace("group: 2", ""))
    with np.load(shared / "golden" / "data" / "lmdb_plain.npz") as data:
        want = next(data[key].shape for key in data.files if data[key].ndim == 4)
    assert shapes(convert(config, data_dir=shared / "golden" / "data")) == {"data": (1, *want[1:])}


def test_a_damaged_mean_is_said(tmp_path):
    (tmp_path / "mean.binaryproto").write_bytes(b"\xff\xff\xff")
    config = small_net.write(
        tmp_path / "net.prototxt", data_net(DATA + 'transform_param { mean_file: "mean.binaryproto" }')
    )
    with pytest.raises(DataError, match=r"mean\.binaryproto"):
        convert(config)


def test_shapes_on_the_command_line():
    assert input_shapes.parse(["data: 1,3, 5,7"]) == {"data": (1, 3, 5, 7)}
    assert input_shapes.parse(["a/b:4; c : 1x2", "d: 9"]) == {"a/b": (4,), "c": (1, 2), "d": (9,)}
    for text in ("data", "data: ", "data: 1,-3", "data: 1.5", ": 1"):
        with pytest.raises(NetError, match="invalid input shape"):
            input_shapes.parse([text])
    with pytest.raises(NetError, match="twice"):
        input_shapes.parse(["a: 1", "a: 2"])


def test_a_shape_for_what_is_no_input_is_refused(small):
    with pytest.raises(NetError, match='"dat", which is no input .*did you mean "data"'):
        convert(small[0], shapes={"dat": (1, 2)})


# ---- outputs and batches ---------------------------------------------------------------------------------------


def test_outputs_leave_out_what_they_do_not_need(small):
    conversion = convert(small[0], [small[1]], outputs=["pool1", "conv1"])
    assert list(conversion.outputs) == ["pool1", "conv1"]
    assert [layer.name for layer in conversion.message.layer][-1] == "pool1"
    assert conversion.outputs["conv1"].version == 3  # after BatchNorm, Scale and ReLU in place
    assert "fc1" in conversion.loaded[0].skipped
    with pytest.raises(NetError, match='no blob "pool" in the net to deploy .did you mean "pool1"'):
        convert(small[0], outputs=["pool"])
    with pytest.raises(NetError, match="no blob"):
        convert(small[0], outputs=["label"])


def test_a_batch_is_open_where_the_net_allows_it(small):
    assert convert(small[0]).fixed == ""
    assert keras_model(convert(small[0])).model.input_shape[0] is None
    fixed = convert(small[0], batch=7)
    assert keras_model(fixed).model.input_shape[0] == 7
    assert shapes(fixed) == {"data": (7, 3, 19, 17)}
    assert fixed.message.layer[0].input_param.shape[0].dim[0] == 7


TIME = """
layer { name: "c" type: "Reduction" bottom: "data" top: "c" reduction_param { axis: 2 } }
layer { name: "l" type: "LSTM" bottom: "data" bottom: "c" top: "t" recurrent_param { num_output: 4 } }
"""
RESHAPE = 'layer { name: "l" type: "Reshape" bottom: "data" top: "t" reshape_param { shape { dim: 6 dim: -1 } } }'
SLICE = 'layer { name: "l" type: "Slice" bottom: "data" top: "t" top: "u" slice_param { axis: 0 } }'
REDUCE = 'layer { name: "l" type: "Reduction" bottom: "data" top: "t" }'
PRODUCT = (
    'layer { name: "l" type: "InnerProduct" bottom: "data" top: "t" inner_product_param { axis: 0 num_output: 3 } }'
)
IMPOSSIBLE = (
    'layer { name: "l" type: "Reshape" bottom: "data" top: "t" reshape_param { shape { dim: 2 dim: 57 dim: 17 } } }'
)


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (TIME, 'axis 0 is time in layer "l"'),
        (RESHAPE, '"t" of layer "l" does not have one row per item'),
        (SLICE, 'layer "l" cuts the batch at fixed places'),
        (REDUCE, '"t" of layer "l" does not have one row per item'),
        (PRODUCT, 'the parameters of layer "l" depend on it'),
        (IMPOSSIBLE, "with another size its layers do not fit together"),
    ],
    ids=["time", "reshape", "slice", "reduction", "product", "impossible"],
)
def test_a_batch_is_fixed_where_a_layer_mixes_items(layer, why, tmp_path):
    text = (small_net.INPUT + layer).replace("dim: 1 ", "dim: 2 ", 1)
    config = small_net.write(tmp_path / "net.prototxt", text)
    conversion = convert(config)
    assert conversion.fixed == why
    assert keras_model(conversion).model.input_shape == (2, 19, 17, 3)
    with pytest.raises(ZooError, match="does not take batches of any size: .*--batch=N"):
        convert(config, batch="any")


def test_one_number_is_no_batch_for_inputs_of_several_sizes(tmp_path):
    text = """
    layer { name: "a" type: "Input" top: "a" input_param { shape { dim: 2 dim: 3 } } }
    layer { name: "b" type: "Input" top: "b" input_param { shape { dim: 5 dim: 3 } } }
    layer { name: "c" type: "Concat" bottom: "a" bottom: "b" top: "c" concat_param { axis: 0 } }
    """
    config = small_net.write(tmp_path / "net.prototxt", text)
    with pytest.raises(NetError, match="the inputs differ in their first axis, got 2, 5 .*--input_shape"):
        convert(config, batch=4)
    model = keras_model(convert(config)).model
    got = model({"a": np.zeros((4, 3), np.float32), "b": np.ones((1, 3), np.float32)})
    assert got.shape == (5, 3)


# ---- refusals --------------------------------------------------------------------------------------------------


def test_all_refusals_come_together_with_the_lines_of_the_file(tmp_path):
    text = small_net.TRAIN_VAL.replace("group: 2", "group: 5").replace("num_output: 9", "num_output: 0")
    config = small_net.write(tmp_path / "net.prototxt", text)
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines, 1) if "group: 5" in line)
    second = next(i for i, line in enumerate(lines, 1) if "num_output: 0" in line)
    with pytest.raises(ZooError) as caught:
        convert(config)
    assert f'net.prototxt:{second}: layer "fc1" (InnerProduct)' in str(caught.value)
    text = text.replace("num_output: 0", "num_output: 9")
    with pytest.raises(ZooError, match=rf'net\.prototxt:{first}: layer "branch/a" \(Convolution\)'):
        convert(small_net.write(tmp_path / "net.prototxt", text))


def test_an_unknown_type_is_said_with_its_line(tmp_path):
    text = small_net.INPUT + 'layer { name: "x"\n type: "Convolutoin" bottom: "data" top: "x" }'
    with pytest.raises(UnsupportedError, match=r'net\.prototxt:5: .*Convolutoin.*did you mean "Convolution"'):
        convert(small_net.write(tmp_path / "net.prototxt", text))


def test_weights_that_do_not_fit_name_both_shapes(small, tmp_path):
    deploy, weights, arrays = small
    caffemodel.write(tmp_path / "w.caffemodel", {**arrays, "fc1": [np.ones((9, 7), np.float32), arrays["fc1"][1]]})
    with pytest.raises(WeightsError, match=r"got \(9, 7\), want \(9, 200\)"):
        convert(deploy, [tmp_path / "w.caffemodel"])


def test_an_open_batch_that_keras_cannot_build_is_said(small, monkeypatch):
    """The shape of an operation that has no open axis: a ValueError of Keras's, here of its own making."""
    conversion = convert(small[0])
    monkeypatch.setattr(type(conversion.net), "run", lambda self, feeds: keras.Input((2,)).reshape(3))
    with pytest.raises(UnsupportedError, match="Keras cannot leave the batch open here.*--batch=N"):
        keras_model(conversion)


@pytest.mark.parametrize("case", [case for case in ALL if case.batch_fixed], ids=lambda case: case.id)
def test_every_case_that_is_bound_to_its_batch_is_found(case):
    assert why_fixed(net_def(prototxt.parse_net(case.prototxt), case.phase))
