"""Layers in place: the gradients that real Caffe computes there, and the types that it cannot run so."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.converters.build import build
from zoo.errors import NetError
from zoo.formats.prototxt import parse_net
from zoo.layers.ops.layout import from_caffe, to_caffe
from zoo.netdef.net import net_def

X, DY = [-2, -0.5, 0.25, 0.5, 1, 3], [1, -2, 0.5, 3, 0.25, -1.5]

# What BVLC Caffe (9b8915401, OpenBLAS) gives for them, behind another layer that keeps the input as it is.
FROM_CAFFE = [
    ("BNLL", "", [0.531689, -1.2327, 0.347748, 2.17779, 0.197015, -1.43208]),
    ("Clip", "clip_param { min: -0.5 max: 0.7 }", [1, -2, 0.5, 3, 0.25, -1.5]),
    ("Clip", "clip_param { min: 1 max: 0.5 }", [0, 0, 0, 0, 0, 0]),
    ("ReLU", "relu_param { negative_slope: -0.3 }", [1, -2, 0.5, 3, 0.25, -1.5]),
    ("ELU", "elu_param { alpha: -0.5 }", [1, -2, 0.5, 3, 0.25, -1.5]),
    (
        "Log",
        "log_param { base: 2 scale: 3 shift: 8 }",
        [0.154813, 0.0722551, 0.0619583, 0.0594976, 0.0554601, 0.0456258],
    ),
    ("Power", "power_param { scale: -2 shift: 0.3 }", [4, 4, 4, 4, 4, 4]),
    ("Power", "", [1, 1, 1, 1, 1, 1]),
    ("Power", "power_param { power: 2 scale: 2 shift: 0.3 }", [12258.9, 26.2144, 39.9424, 216.678, 1893.99, 101582]),
    ("Power", "power_param { power: 3 scale: 2 shift: 0.3 }", [9.05354, 28.426, 5.38352, 7.88636, 8.78213, 8.98921]),
    ("Power", "power_param { power: 3 }", [9, 9, 9, 9, 9, 9]),
    ("MVN", "", [-0.937387, -0.345353, -0.0493361, 0.0493361, 0.246681, 1.03606]),
    ("MVN", "mvn_param { eps: 0.1 }", [-0.773543, -0.28499, -0.0407128, 0.0407128, 0.203564, 0.854969]),
]
AT_FAULT = [pytest.param(*row, id=f"{row[0]}-{i}") for i, row in enumerate(FROM_CAFFE)]
PLANE = (1, 1, 2, 3)


def net_of(type_, body, top="x", portable=False, shape=PLANE, more=""):
    dims = " ".join(f"dim: {dim}" for dim in shape)
    text = f"""layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ {dims} }} }} }}
    layer {{ name: "l" type: "{type_}" bottom: "x" {more} top: "{top}" {body} }}"""
    return build(net_def(parse_net(text), "TRAIN"), portable=portable)


def run(net):
    """Returns the top and the gradient of the input."""
    x = from_caffe(tf.constant(X, tf.float32, PLANE))
    with tf.GradientTape() as tape:
        tape.watch(x)
        (y,) = (value for ref, value in net.run({net.inputs[0]: x}).items() if ref != net.inputs[0])
        total = tf.reduce_sum(y * from_caffe(tf.constant(DY, tf.float32, PLANE)))
    return np.ravel(to_caffe(y)), np.ravel(to_caffe(tape.gradient(total, x, unconnected_gradients="zero")))


@pytest.mark.parametrize(("type_", "body", "want"), AT_FAULT)
def test_gradient_in_place_is_caffes(type_, body, want):
    assert run(net_of(type_, body))[1] == pytest.approx(want, rel=1e-5)


@pytest.mark.parametrize(("type_", "body", "caffes"), AT_FAULT)
def test_what_is_exported_has_the_derivative_and_all_forms_one_value(type_, body, caffes):
    value, derivative = run(net_of(type_, body, top="y"))
    in_place, _ = run(net_of(type_, body))
    exported, gradient = run(net_of(type_, body, portable=True))
    assert in_place == pytest.approx(value, rel=1e-6) == exported
    assert gradient == pytest.approx(derivative, rel=1e-5)


@pytest.mark.parametrize("type_", ["BNLL", "ELU", "ReLU", "Sigmoid", "TanH", "Swish", "Exp", "Softmax", "Bias"])
def test_a_training_model_can_be_drawn_as_a_keras_model(type_):
    net = net_of(type_, "")
    model = net.model()
    x = np.reshape(np.float32(X), (1, 2, 3, 1))
    assert np.ravel(model([x])[0]) == pytest.approx(run(net)[0], rel=1e-6)


def test_mvn_in_place_keeps_its_bottoms_shape():
    with pytest.raises(NetError, match=r"MVN\): in place, the bottom must have the top's shape, got \(2, 3\)"):
        net_of("MVN", "", shape=(2, 3))


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        ("AbsVal", ""),
        ("ArgMax", ""),
        ("Convolution", "convolution_param { num_output: 1 kernel_size: 1 }"),
        ("Deconvolution", "convolution_param { num_output: 1 kernel_size: 1 }"),
        ("Eltwise", ""),
        ("Flatten", ""),
        ("Im2col", "convolution_param { kernel_size: 1 }"),
        ("InnerProduct", "inner_product_param { num_output: 6 }"),
        ("LRN", ""),
        ("Pooling", "pooling_param { kernel_size: 3 pad: 1 }"),
        ("Reduction", ""),
        ("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }"),
        ("SPP", "spp_param { pyramid_height: 1 }"),
        ("Split", ""),
    ],
)
def test_what_caffe_ruins_in_place_is_refused(type_, body):
    more = 'bottom: "z"' if type_ == "Eltwise" else ""
    shape = "shape { dim: 1 dim: 1 dim: 2 dim: 3 }"
    text = f"""layer {{ name: "in" type: "Input" top: "x" top: "z" input_param {{ {shape} }} }}
    layer {{ name: "l" type: "{type_}" bottom: "x" {more} top: "x" {body} }}"""
    with pytest.raises(NetError, match=rf'net:2: layer "l" \({type_}\): must not work in place'):
        build(net_def(parse_net(text, "net"), "TEST"))
