"""What goes wrong is an error of ours and of the class that an old script's `except` names."""

import numpy as np
import pytest

import zoo.pycaffe as caffe
from zoo.errors import NetError, PrototxtError, WeightsError, ZooError, raise_together
from zoo.pycaffe import io
from zoo.pycaffe import layers as L
from zoo.pycaffe.coord_map import AxisMismatchException, crop
from zoo.pycaffe.errors import also, raised_as

NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 2 } }
"""


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return caffe.Net(str(path), caffe.TEST)


@pytest.mark.parametrize(
    "act, theirs",
    [
        (lambda net: net.forward(x=np.zeros((2, 4))), ValueError),
        (lambda net: net.forward(y=np.zeros((2, 3))), Exception),
        (lambda net: net.forward(end="nothing"), ValueError),
        (lambda net: net.forward(blobs=["nothing"]), KeyError),
        (lambda net: net.copy_from("nothing.caffemodel"), RuntimeError),
        (lambda net: net.set_input_arrays(np.zeros((2, 3)), np.zeros(2)), RuntimeError),
        (lambda net: net.blobs["x"].reshape("a"), TypeError),
        (lambda net: net.params["ip"][0].reshape(7), RuntimeError),
        (lambda net: caffe.Net("nothing.prototxt", caffe.TEST), RuntimeError),
        (lambda net: caffe.Net("nothing.prototxt", 3), TypeError),
        (lambda net: caffe.SGDSolver("nothing.prototxt"), RuntimeError),
        (lambda net: caffe.get_solver("nothing.prototxt"), RuntimeError),
        (lambda net: io.blobproto_to_array(caffe.proto.caffe_pb2.BlobProto(data=[1, 2])), ValueError),
        (lambda net: io.array_to_datum(np.zeros(3)), ValueError),
        (lambda net: io.load_image("nothing.png"), FileNotFoundError),
        (lambda net: io.Transformer({"x": (1, 3, 4, 4)}).set_mean("x", np.zeros(2)), ValueError),
        (lambda net: L.Silence(L.DummyData(ntop=2), ntop=0), TypeError),
        (lambda net: L.Pooling(L.DummyData(), kernel_siz=3).to_proto(), AttributeError),
        (lambda net: L.Pooling(L.DummyData(), kernel_size="3").to_proto(), TypeError),
        (lambda net: crop(L.DummyData(), L.DummyData()), RuntimeError),
        (lambda net: crop(L.Convolution(x := L.DummyData(), kernel_size=2, stride=2), x), AssertionError),
    ],
)
def test_an_error_of_ours_and_of_theirs(net, act, theirs):
    with pytest.raises(ZooError) as ours:
        act(net)
    assert isinstance(ours.value, theirs)
    assert "'" not in str(ours.value)[:1]  # as KeyError says its message


def test_what_is_said_stays():
    errors = [NetError("one", got=1, want=2), WeightsError("two")]
    with pytest.raises(RuntimeError) as caught, raised_as(RuntimeError):
        raise_together(errors)
    assert isinstance(caught.value, NetError)
    assert str(caught.value) == "2 problems:\n  one, got 1, want 2\n  two"
    assert caught.value.problems == tuple(errors)
    with pytest.raises(AxisMismatchException), raised_as(Exception):
        raise AxisMismatchException("stays what it is")


def test_an_error_may_be_many():
    assert also(also(NetError, TypeError), TypeError) is also(NetError, TypeError)
    with pytest.raises(RuntimeError) as caught, raised_as(RuntimeError):
        raise also(PrototxtError, KeyError)("a message")
    assert isinstance(caught.value, KeyError | PrototxtError) and str(caught.value) == "a message"
