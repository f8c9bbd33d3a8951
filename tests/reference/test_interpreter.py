"""How the interpreter treats a net, and what no golden case covers."""

import numpy as np
import pytest
from google.protobuf import text_format

from zoo import reference
from zoo.errors import DataError, NetError, UnsupportedError
from zoo.formats import caffe_pb2


def net(text):
    return text_format.Parse(text, caffe_pb2.NetParameter())


def one(body, **inputs):
    """Runs one layer; its bottoms are the inputs in order, its tops t0 and t1."""
    bottoms = " ".join(f'bottom: "{name}"' for name in inputs)
    return reference.run(net(f'layer {{ name: "l" {bottoms} {body} }}'), {}, inputs)


def test_in_place_layers_overwrite_and_later_readers_see_it():
    layers = (
        'layer { name: "r" type: "ReLU" bottom: "x" top: "x" } layer { name: "p" type: "Power" bottom: "x" top: "y" }'
    )
    got = reference.run(net(layers), {}, {"x": np.float32([-2, 3])})
    np.testing.assert_array_equal(got["x"], [0, 3])
    np.testing.assert_array_equal(got["y"], [0, 3])


def test_blobs_have_the_dtype_asked_for():
    message = net('layer { name: "e" type: "Exp" bottom: "x" top: "y" }')
    for dtype in (np.float32, np.float64):
        got = reference.run(message, {}, {"x": np.array([0.1])}, dtype=dtype)["y"]
        assert got.dtype == dtype
    np.testing.assert_allclose(got, np.exp([0.1]), rtol=1e-15)


def test_parameters_shared_by_name_are_given_once():
    layers = "".join(
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "x" top: "{name}" param {{ name: "w" }} '
        "inner_product_param { num_output: 1 bias_term: false } }"
        for name in "ab"
    )
    got = reference.run(net(layers), {"a": [np.float32([[2, 3]])]}, {"x": np.float32([[10, 1]])})
    np.testing.assert_array_equal(got["a"], [[23]])
    np.testing.assert_array_equal(got["b"], [[23]])


def test_lstm_unit_by_hand():
    cell, gates = np.float32([[[0.5, -1.0]]]), np.float32([[[0, 0, 100, 100, 100, 100, 0.3, -0.2]]])
    body = 'type: "LSTMUnit" top: "c" top: "h"'
    got = one(body, cell=cell, gates=gates, cont=np.float32([[1]]))
    want = cell + 0.5 * np.tanh(np.float32([[[0.3, -0.2]]]))  # forget and output gates open, input gate at a half
    np.testing.assert_allclose(got["c"], want, rtol=1e-6)
    np.testing.assert_allclose(got["h"], np.tanh(want), rtol=1e-6)
    got = one(body, cell=cell, gates=gates, cont=np.float32([[0]]))
    np.testing.assert_allclose(got["c"], want - cell, rtol=1e-6)


def test_pooling_with_strides_wider_than_windows():
    """A window may begin past the last pixel: MAX finds nothing there (pooling_layer.cpp:152-185)."""
    x = np.arange(1, 6, dtype=np.float32).reshape(1, 1, 1, 5)
    body = 'type: "Pooling" top: "t" top: "m" pooling_param { kernel_h: 1 kernel_w: 1 stride_h: 1 stride_w: 3 }'
    got = one(body, x=x)
    np.testing.assert_array_equal(got["t"][0, 0, 0], [1, 4, -np.finfo(np.float32).max])
    np.testing.assert_array_equal(got["m"][0, 0, 0], [0, 3, -1])


def test_stochastic_pooling_weighs_by_value():
    body = 'type: "Pooling" top: "t" pooling_param { pool: STOCHASTIC kernel_size: 2 }'
    got = one(body, x=np.float32([[[[1, 2], [3, 4]]]]))
    np.testing.assert_allclose(got["t"], [[[[3]]]])
    with pytest.raises(UnsupportedError, match="random in TRAIN"):
        reference.run(net(f'layer {{ name: "l" bottom: "x" {body} }}'), {}, {"x": np.ones((1, 1, 2, 2))}, "TRAIN")


def test_dropout_draws_nothing_in_test_and_is_refused_in_train():
    message = net('layer { name: "d" type: "Dropout" bottom: "x" top: "x" }')
    np.testing.assert_array_equal(reference.run(message, {}, {"x": np.float32([1, 2])})["x"], [1, 2])
    with pytest.raises(UnsupportedError, match='layer "d" .Dropout.: random in TRAIN'):
        reference.run(message, {}, {"x": np.float32([1, 2])}, "TRAIN")


def test_mvn_and_its_four_axes():
    assert one('type: "MVN" top: "t" mvn_param { across_channels: true }', x=np.ones((3, 5)))["t"].shape == (3, 5, 1, 1)


@pytest.mark.parametrize(
    ("body", "error", "says"),
    [
        ('type: "Convolutoin" top: "t"', UnsupportedError, 'did you mean "Convolution"'),
        ('type: "ReLU" top: "t" top: "u"', NetError, "too many tops, got 2, want at most 1"),
        ('type: "Softmax" top: "t" softmax_param { axis: 2 }', NetError, "no such axis, got 2, want -2 to 1"),
        ('type: "Reshape" top: "t" reshape_param { shape { dim: 4 dim: 4 } }', NetError, "cannot be computed"),
        ('type: "ReLU" bottom: "y" top: "t"', NetError, 'bottom "y" is no blob of an earlier layer'),
        ('type: "InnerProduct" top: "t" inner_product_param { num_output: 2 }', NetError, "and parameters none"),
        ('type: "Exp" top: "t" exp_param { base: 0 }', NetError, "a base that has no logarithm, got 0"),
    ],
)
def test_mistakes_are_said_with_their_layer(body, error, says):
    with pytest.raises(error, match='layer "l"') as caught:
        one(body, x=np.ones((2, 3)))
    assert says in str(caught.value)


def test_what_is_fed_must_be_given():
    data = 'layer { name: "d" type: "Data" top: "x" } layer { name: "r" type: "ReLU" bottom: "x" top: "y" }'
    np.testing.assert_array_equal(reference.run(net(data), {}, {"x": np.float32([-1])})["y"], [0])
    with pytest.raises(UnsupportedError, match='layer "d"'):
        reference.run(net(data), {}, {})
    with pytest.raises(NetError, match="an input is missing, want x"):
        reference.run(net(data.replace('"Data"', '"Input"')), {}, {})


def test_infogain_reads_its_matrix_from_a_file(tmp_path):
    blob = caffe_pb2.BlobProto(data=[1, 2, 3, 4], shape=caffe_pb2.BlobShape(dim=[2, 2]))
    path = tmp_path / "H.binaryproto"
    path.write_bytes(blob.SerializeToString())
    body = f'type: "InfogainLoss" top: "loss" infogain_loss_param {{ source: "{path}" }}'
    got = one(body, x=np.log(np.float32([[1, 3]])), label=np.float32([1]))["loss"]
    np.testing.assert_allclose(got, -(3 * np.log(0.25) + 4 * np.log(0.75)), rtol=1e-6)
    path.unlink()
    with pytest.raises(DataError, match="H.binaryproto"):
        one(body, x=np.ones((1, 2)), label=np.zeros(1))


def test_layers_of_one_name_have_their_own_parameters():
    ip = """layer { %s type: "InnerProduct" bottom: "%s" top: "%s"
      inner_product_param { num_output: 1 bias_term: false } }"""
    for name, said in (("a", 'name: "a"'), ("", "")):
        weights = {name: [np.float32([[2, 3]])], f"{name}#2": [np.float32([[7]])]}
        got = reference.run(net(ip % (said, "x", "y") + ip % (said, "y", "z")), weights, {"x": np.float32([[10, 1]])})
        np.testing.assert_array_equal(got["z"], [[7 * 23]])
