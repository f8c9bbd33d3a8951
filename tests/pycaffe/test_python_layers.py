"""Layers written in Python for pycaffe, in nets that zoo.pycaffe runs and in a graph."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo.pycaffe as caffe
from tests.pycaffe.nets import write
from zoo.converters.build import build
from zoo.errors import NetError, UnsupportedError
from zoo.formats.prototxt import parse_net
from zoo.layers.base import user_classes
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.netdef.net import net_def

RNG = np.random.default_rng(9)
HERE = "tests.pycaffe.layers_for_tests"


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def layer(name, cls, bottom=(), top=None, param_str=None, more=""):
    bottoms = "".join(f' bottom: "{b}"' for b in bottom)
    given = f" param_str: '{param_str}'" if param_str else ""
    return (
        f'layer {{ name: "{name}" type: "Python"{bottoms} top: "{top or name}" {more} '
        f'python_param {{ module: "{HERE}" layer: "{cls}"{given} }} }}\n'
    )


def data(*shape, name="data"):
    dims = " ".join(f"dim: {n}" for n in shape)
    return f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}\n'


def test_forward_backward_reshape(tmp_path):
    text = "force_backward: true\n" + data(2, 3, 4, 5) + layer("one", "Scale", ["data"])
    text += layer("two", "Scale", ["one"], "one", '{"factor": 3}')  # in place
    text += 'layer { name: "three" type: "Power" bottom: "one" top: "three" power_param { scale: 2 } }'
    text += layer("four", "Scale", ["three"], param_str='{"factor": 0.5}')
    net = caffe.Net(write(tmp_path, text), caffe.TRAIN)
    x, diff = normal(2, 3, 4, 5), normal(2, 3, 4, 5)
    np.testing.assert_allclose(net.forward(data=x)["four"], 30 * x, rtol=1e-5)
    np.testing.assert_allclose(net.blobs["one"].data, 30 * x, rtol=1e-5)
    np.testing.assert_allclose(net.backward(four=diff)["data"], 30 * diff, rtol=1e-5)
    net.blobs["data"].reshape(1, 3, 2, 2)
    net.reshape()
    assert net.blobs["four"].shape == (1, 3, 2, 2)
    np.testing.assert_allclose(net.forward(data=x[:1, :, :2, :2])["four"], 30 * x[:1, :, :2, :2], rtol=1e-5)
    np.testing.assert_allclose(net.backward(four=diff[:1, :, :2, :2])["data"], 30 * diff[:1, :, :2, :2], rtol=1e-5)
    assert net.layers[1].factor == 10
    assert net.layers[1].type == "Python"
    assert net.layer_dict["two"].factor == 3


def test_a_loss_in_python_trains_as_the_loss_layer(tmp_path):
    ip = 'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" '
    ip += 'inner_product_param { num_output: 2 weight_filler { type: "gaussian" std: 1 } } }'
    start = data(5, 3) + data(5, 2, name="label") + ip
    own = start + layer(
        "loss", "EuclideanLoss", ["ip", "label"], more="loss_weight: 0.7 propagate_down: true propagate_down: false"
    )
    stock = (
        start + 'layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "label" top: "loss" loss_weight: 0.7 }'
    )
    x, label, found = normal(5, 3), normal(5, 2), []
    for text in (own, stock):
        caffe.set_random_seed(4)
        net = caffe.Net(write(tmp_path, text), caffe.TRAIN)
        net.blobs["data"].data[...], net.blobs["label"].data[...] = x, label
        loss = net._forward(0, len(net.layers) - 1)
        net.backward()
        found.append(
            (loss, net.params["ip"][0].diff.copy(), net.params["ip"][1].diff.copy(), net.blobs["ip"].diff.copy())
        )
    for got, want in zip(*found):
        assert np.abs(want).max() > 1e-3
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_shapes_that_a_layer_decides_when_it_runs(tmp_path):
    after = 'layer { name: "sum" type: "Reduction" bottom: "%s" top: "sum" reduction_param { axis: 1 } }'
    net = caffe.Net(write(tmp_path, layer("data", "Source") + after % "data"), caffe.TEST)
    for count in (1, 2, 3):
        np.testing.assert_allclose(net.forward()["sum"], np.full(1 + count, 3.0 * count))
    text = "force_backward: true\n" + data(4, 3) + layer("chosen", "Chosen", ["data"]) + after % "chosen"
    net = caffe.Net(write(tmp_path, text), caffe.TEST)
    for count in (3, 2, 4, 3):
        x = normal(4, 3)
        x[0, 0] = count
        np.testing.assert_allclose(net.forward(data=x)["sum"], x[:count].sum(1), rtol=1e-5, atol=1e-5)
        got = net.backward(sum=np.arange(1, count + 1))["data"]
        np.testing.assert_allclose(got, np.outer(np.arange(1, 5) * (np.arange(4) < count), np.ones(3)))


def test_its_own_parameters(tmp_path):
    text = data(2, 3) + layer("shift", "Learned", ["data"])
    text += 'layer { name: "loss" type: "Reduction" bottom: "shift" top: "loss" loss_weight: 2 }'
    net = caffe.Net(write(tmp_path, text), caffe.TRAIN)
    x = normal(2, 3)
    np.testing.assert_allclose(net.forward(data=x)["loss"], (x + 0.5).sum(), rtol=1e-5)
    net.backward()
    net.backward()
    np.testing.assert_allclose(net.params["shift"][0].diff, [8, 8, 8])
    net.params["shift"][0].data[...] = [1, 2, 3]
    net.save(str(tmp_path / "w.caffemodel"))
    again = caffe.Net(str(tmp_path / "net.prototxt"), str(tmp_path / "w.caffemodel"), caffe.TRAIN)
    np.testing.assert_allclose(again.forward(data=x)["loss"], (x + [1, 2, 3]).sum(), rtol=1e-5)


def test_phase_and_stock_module_names(tmp_path):
    for phase in (caffe.TRAIN, caffe.TEST):
        assert caffe.Net(write(tmp_path, layer("phase", "Phase")), phase).forward()["phase"] == phase


@pytest.mark.parametrize(
    ("cls", "module", "says"),
    [
        ("Missing", HERE, "Missing in .* is no layer"),
        ("NO_LAYER", HERE, "is no layer, got int"),
        ("Scale", "no.such.module", "cannot import the Python module no.such.module"),
        ("", HERE, "layer must be given"),
    ],
)
def test_classes_that_are_not_there(tmp_path, cls, module, says):
    text = data(1) + layer("x", cls, ["data"]).replace(HERE, module)
    with pytest.raises(NetError, match=rf'net.prototxt:2: layer "x" \(Python\): .*{says}'):
        caffe.Net(write(tmp_path, text), caffe.TEST)


def test_what_the_users_code_raises_comes_through(tmp_path):
    net = caffe.Net(write(tmp_path, data(1) + layer("x", "Failing", ["data"])), caffe.TEST)
    with pytest.raises(RuntimeError, match="the user's own"):
        net.forward()


def test_elsewhere_it_runs_only_where_allowed():
    parsed = parse_net(data(2, 3, 4, 5) + layer("one", "Scale", ["data"]))
    with pytest.raises(UnsupportedError, match="not allowed here.*allow"):
        build(net_def(parsed, "TEST"))


@pytest.fixture
def allowed():
    user_classes.allow()
    yield
    user_classes.allow(False)


@pytest.mark.parametrize("functional", [False, True])
def test_in_a_graph(allowed, functional):
    text = data(2, 3, 4, 5) + layer("one", "Scale", ["data"], param_str='{"factor": 3}')
    text += 'layer { name: "flat" type: "Flatten" bottom: "one" top: "flat" }' + layer("two", "Learned", ["flat"])
    net = build(net_def(parse_net(text), "TRAIN"))
    x, diff = normal(2, 3, 4, 5), normal(2, 60)
    fed = from_caffe(tf.constant(x))
    (weights,) = (p.variable for p in net.learnable())
    model = net.model() if functional else None

    @tf.function
    def run(fed):
        with tf.GradientTape() as tape:
            tape.watch(fed)
            out = keras.tree.flatten(model([fed]))[0] if functional else net.run({net.inputs[0]: fed})[net.outputs()[0]]
        return out, *tape.gradient(out, [fed, weights.value], output_gradients=tf.constant(diff))

    for _ in range(2):
        out, of_x, of_weights = run(fed)
        np.testing.assert_allclose(out, 3 * x.reshape(2, -1) + 0.5, rtol=1e-5)
        np.testing.assert_allclose(to_caffe(of_x), 3 * diff.reshape(x.shape), rtol=1e-5)
        np.testing.assert_allclose(of_weights, diff.sum(0), rtol=1e-5)


def test_it_cannot_be_exported(allowed):
    with pytest.raises(UnsupportedError, match="cannot be exported"):
        build(net_def(parse_net(data(2) + layer("one", "Scale", ["data"])), "TEST"), portable=True)
