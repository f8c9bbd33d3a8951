"""Nets written in Python, their crops, and their drawings."""

# ruff: noqa: C408  (scripts for pycaffe write dict(...))

import numpy as np
import pytest
from google.protobuf import text_format

import zoo.pycaffe as caffe
from tests.pycaffe.nets import write
from zoo.errors import DataError, NetError, PrototxtError, UnsupportedError
from zoo.pycaffe import layers as L
from zoo.pycaffe import params as P
from zoo.pycaffe.coord_map import AxisMismatchException, coord_map_from_to, crop
from zoo.pycaffe.proto import caffe_pb2


def lenet(batch):
    n = caffe.NetSpec()
    n.data, n.label = L.DummyData(
        shape=[dict(dim=[batch, 1, 28, 28]), dict(dim=[batch, 1, 1, 1])], transform_param=dict(scale=1.0 / 255), ntop=2
    )
    n.conv1 = L.Convolution(
        n.data,
        kernel_size=5,
        num_output=20,
        weight_filler=dict(type="xavier"),
        param=[dict(lr_mult=1), dict(lr_mult=2)],
    )
    n.pool1 = L.Pooling(n.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    n.ip1 = L.InnerProduct(n.pool1, num_output=500, weight_filler=dict(type="xavier"))
    n.relu1 = L.ReLU(n.ip1, in_place=True)
    n.ip2 = L.InnerProduct(n.relu1, num_output=10)
    n.loss = L.SoftmaxWithLoss(n.ip2, n.label)
    return n


WANT = """
layer { name: "data" type: "DummyData" top: "data" top: "label" transform_param { scale: 0.00392156862745098 }
  dummy_data_param { shape { dim: 50 dim: 1 dim: 28 dim: 28 } shape { dim: 50 dim: 1 dim: 1 dim: 1 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" param { lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 20 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "ip1" type: "InnerProduct" bottom: "pool1" top: "ip1"
  inner_product_param { num_output: 500 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2" inner_product_param { num_output: 10 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""


def test_a_net_in_python():
    assert lenet(50).to_proto() == text_format.Parse(WANT, caffe_pb2.NetParameter())
    assert text_format.Parse(str(lenet(50).to_proto()), caffe_pb2.NetParameter()) == lenet(50).to_proto()


def test_names_made_of_types():
    data, label = L.DummyData(shape=[dict(dim=[2, 3])] * 2, ntop=2)
    one = L.InnerProduct(data, num_output=3)
    two = L.InnerProduct(one, num_output=4)
    net = caffe.to_proto(L.EuclideanLoss(two, label), L.Silence(one, ntop=0))
    assert [layer.name for layer in net.layer] == [
        "DummyData1",
        "InnerProduct1",
        "InnerProduct2",
        "EuclideanLoss1",
        "Silence1",
    ]
    assert [list(layer.top) for layer in net.layer] == [
        ["DummyData1", "DummyData2"],
        ["InnerProduct1"],
        ["InnerProduct2"],
        ["EuclideanLoss1"],
        [],
    ]
    assert list(net.layer[3].bottom) == ["InnerProduct2", "DummyData2"]
    assert [layer.name for layer in two.to_proto().layer] == ["DummyData1", "InnerProduct1", "InnerProduct2"]
    n = caffe.NetSpec()
    n["x"], n.y = data, label
    n.sink = L.Silence(n.x, n["y"], ntop=0)
    assert [layer.name for layer in n.to_proto().layer] == ["x", "sink"]
    up = L.Deconvolution(data, convolution_param=dict(num_output=2, kernel_size=4, stride=2), param=dict(lr_mult=0))
    made = up.to_proto().layer[-1]
    assert (list(made.convolution_param.stride), made.param[0].lr_mult) == ([2], 0)
    assert L.Python(data, module="m", layer="c", loss_weight=2).to_proto().layer[-1].loss_weight == [2]


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda x: L.Convolution(x, kernal_size=3).to_proto(), 'no field kernal_size .*did you mean "kernel_size"'),
        (
            lambda x: L.Convolution(x, num_output="many").to_proto(),
            "field num_output does not take this value, got 'many'",
        ),
        (lambda x: L.Pooling(x, pool="MAXX").to_proto(), "field pool does not take"),
        (lambda x: L.Pooling(x, pooling_param=dict(kernel=3)).to_proto(), "no field kernel in PoolingParameter"),
        (lambda x: L.ReLU("data"), "ReLU input 0 is not a Top"),
    ],
)
def test_what_is_no_layer(act, says):
    with pytest.raises((PrototxtError, NetError), match=says):
        act(L.DummyData(shape=dict(dim=[1])))


def test_unknown_names():
    with pytest.raises(AttributeError, match='did you mean "conv1"'):
        _ = lenet(1).conv1x
    with pytest.raises(AttributeError, match="PolingParameter"):
        _ = P.Poling


def test_it_runs(tmp_path):
    proto = lenet(4).to_proto()
    proto.layer[0].ClearField("transform_param")
    net = caffe.Net(write(tmp_path, str(proto)), caffe.TRAIN)
    assert float(net.forward()["loss"]) == pytest.approx(np.log(10), abs=1e-4)


def n_shape(n):
    return L.Input(shape=dict(dim=n))


def test_coordinates():
    data = n_shape([2, 1, 100, 100])
    conv = L.Convolution(data, num_output=1, kernel_size=5, stride=2, pad=0)
    pool = L.Pooling(conv, kernel_size=2, stride=2)
    relu = L.ReLU(pool, in_place=True)
    up = L.Deconvolution(relu, convolution_param=dict(num_output=1, kernel_size=8, stride=4, pad=0))
    axis, scale, shift = coord_map_from_to(up, data)
    # Pixel u of `up` is pixel (u - 3.5) / 4 of `pool`, that is 2 p + 0.5 of `conv`, that is 2 c + 2 of `data`.
    assert axis == 1
    np.testing.assert_allclose(scale, [1])
    np.testing.assert_allclose(shift, [3 - 3.5])
    conv = L.Convolution(data, num_output=1, kernel_size=3, pad=5)
    up = L.Deconvolution(
        L.Pooling(conv, kernel_size=2, stride=2), convolution_param=dict(num_output=1, kernel_size=2, stride=2)
    )
    assert coord_map_from_to(up, data)[2] == -4
    made = crop(up, data).to_proto().layer[-1]
    assert (made.type, made.crop_param.axis, list(made.crop_param.offset)) == ("Crop", 2, [4])
    again = L.Crop(up, data, axis=2, offset=4)
    assert coord_map_from_to(again, data)[2] == 0


def test_crops_that_cannot_be():
    data = n_shape([2, 1, 100, 100])
    half = L.Pooling(data, kernel_size=2, stride=2)
    with pytest.raises(NetError, match="another scale"):
        crop(half, data)
    with pytest.raises(NetError, match="whole numbers"):
        crop(L.Convolution(data, kernel_size=3), data)
    with pytest.raises(NetError, match="not connected"):
        coord_map_from_to(L.InnerProduct(data, num_output=3), data)
    with pytest.raises(NetError, match="kernel_h"):
        crop(L.Convolution(data, kernel_size=3, kernel_h=3), data)
    deep = L.Convolution(data, kernel_size=3, axis=2)
    with pytest.raises(AxisMismatchException):
        coord_map_from_to(L.Convolution(deep, kernel_size=3), data)


def test_drawings(tmp_path):
    proto = lenet(4).to_proto()
    proto.layer[-1].include.add(phase=caffe.TRAIN)
    text = caffe.draw.get_dot(proto, "TB", phase=caffe.TEST, display_lrm=True)
    assert text.startswith('digraph "Net" {\nrankdir=TB;')
    assert '"conv1 (Convolution) kernel size: 5 stride: 1 pad: 0 lr mult: 1.0, 2.0"' in text
    assert '"pool1 (Pooling MAX) kernel size: 2 stride: 2 pad: 0"' in text
    assert "#90EE90" in text
    assert "SoftmaxWithLoss" not in text
    assert "SoftmaxWithLoss" in caffe.draw.get_dot(proto)
    assert '"blob pool1" -> layer3' in text
    assert 'layer3 -> "blob ip1" [label="500"]' in text
    caffe.draw.draw_net_to_file(proto, tmp_path / "net.dot")
    assert (tmp_path / "net.dot").read_text() == caffe.draw.get_dot(proto)
    with pytest.raises(NetError, match="no such direction, got XX"):
        caffe.draw.get_dot(proto, "XX")
    with pytest.raises(DataError):
        caffe.draw.draw_net_to_file(proto, tmp_path / "no" / "net.dot")


def test_drawings_without_graphviz(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnsupportedError, match="Graphviz"):
        caffe.draw.draw_net_to_file(lenet(4).to_proto(), tmp_path / "net.png")
