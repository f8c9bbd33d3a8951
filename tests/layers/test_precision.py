"""Half precision: what must stay exact does, and layers take values of two precisions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.one_layer_net import gradients, one_layer, run
from zoo.converters.build import build
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def

NET = """
layer { name: "in" type: "Input" top: "x" top: "label" input_param { shape { dim: 4 dim: 3 } shape { dim: 4 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip"
        inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "max" type: "Eltwise" bottom: "ip" bottom: "x" top: "max" eltwise_param { operation: MAX } }
layer { name: "sum" type: "Eltwise" bottom: "x" bottom: "max" top: "sum" eltwise_param { coeff: 2 coeff: -0.5 } }
layer { name: "wide" type: "InnerProduct" bottom: "sum" top: "wide" inner_product_param { num_output: 600 } }
layer { name: "prob" type: "Softmax" bottom: "wide" top: "prob" }
layer { name: "acc" type: "Accuracy" bottom: "wide" bottom: "label" top: "acc" accuracy_param { top_k: 600 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "wide" bottom: "label" top: "loss" top: "p"
  loss_weight: 1 loss_weight: 0 }
"""


@pytest.fixture(params=["mixed_bfloat16", "mixed_float16"])
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("portable", [False, True])
def test_losses_labels_and_probabilities_stay_float32(policy, portable):
    net = build(net_def(parse_net(NET), "TEST"), portable=portable)
    wide = net.learnable()[-1]
    wide.assign(np.where(np.arange(600) == 599, 3.0, 0.0))  # in half precision 599 would be 600, and no class
    labels = tf.constant([257.0, 599.0, 599.0, 511.0])
    values = net.run(dict(zip(net.inputs, [tf.ones((4, 3)), labels])))
    by_name = {ref.name: value for ref, value in values.items()}
    assert by_name["wide"].dtype.name in policy
    assert all(by_name[name].dtype == tf.float32 for name in ("prob", "p", "loss", "acc"))
    total = np.exp(3) + 599
    assert float(by_name["loss"]) == pytest.approx(np.log(total) - 1.5, rel=1e-5)
    assert float(by_name["acc"]) == 1


@pytest.mark.parametrize("type_", ["RNN", "LSTM"])
def test_recurrent_layers_run_and_store_float32(policy, type_):
    body = "recurrent_param { num_output: 4 weight_filler { type: 'xavier' } }"
    net = one_layer(type_, body, [(3, 2, 5), (3, 2)])
    assert run(net, np.ones((3, 2, 5)), np.ones((3, 2))).dtype.name in policy
    assert all(variable.dtype == "float32" and variable.numpy().any() for variable in net.state.values())


def test_lrn_squares_what_half_precision_could_not_hold(policy):
    body = "lrn_param { local_size: 3 alpha: 0.001 beta: 0.75 }"
    net = one_layer("LRN", body, [(1, 4, 1, 1)])
    x = np.array([300.0, -1000.0, 2.0, 700.0], np.float32).reshape(1, 4, 1, 1)
    squares = np.convolve(x.ravel() ** 2, np.ones(3), "same")
    np.testing.assert_allclose(run(net, x).ravel(), x.ravel() * (1 + 0.001 / 3 * squares) ** -0.75, rtol=0.01)
    assert np.isfinite(gradients(net, x)[0]).all()
