"""Names in a functional model: a file may name its layers as Keras names its operations, or as its own inputs."""

import keras
import numpy as np
import tensorflow as tf

from zoo.converters.build import build
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def

NET = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "w" type: "Eltwise" bottom: "x" bottom: "x" top: "w" eltwise_param { coeff: 1 coeff: 0.5 } }
layer { name: "add" type: "Eltwise" bottom: "x" bottom: "w" top: "s" }
layer { name: "multiply" type: "ReLU" bottom: "s" top: "t" }
layer { name: "x" type: "TanH" bottom: "t" top: "y" }
layer { name: "a/b c" type: "ReLU" bottom: "y" top: "z" }
"""


def test_layers_keep_their_names_and_operations_give_way(tmp_path):
    keras.utils.clear_session()  # Keras counts its operations again
    model = build(net_def(parse_net(NET), "TEST"), portable=True).model()
    names = [operation.name for operation in model.operations]
    assert len(set(names)) == len(names)
    layers = [layer.name for layer in model.layers]
    assert {"add", "multiply", "x", "a__b_c"} <= set(layers)
    model.save(tmp_path / "m.keras")
    x = np.array([[1, -2, 0.5], [3, 0, -1]], np.float32)
    want = np.maximum(np.tanh(np.maximum(2.5 * x, 0)), 0)
    assert np.allclose(keras.saving.load_model(tmp_path / "m.keras")([x]), want, atol=1e-6)


def test_names_that_tensorflow_has_no_scope_for():
    for name in ("", "_x", "(x)", "a:b", "a#b", "\u00fc", "a>b", r"a\\b"):
        text = (
            NET
            + f"""layer {{ name: "{name}" type: "InnerProduct" bottom: "z" top: "v"
            inner_product_param {{ num_output: 2 weight_filler {{ type: "xavier" }} }} }}
            layer {{ name: "{name}" type: "Dropout" bottom: "v" top: "u" }}"""
        )
        net = build(net_def(parse_net(text), "TRAIN"))
        assert in_a_graph(net)(tf.ones((2, 3))).shape == (2, 2)
        assert net.model()(tf.ones((2, 3))).shape == (2, 2)
        assert len({parameter.variable.path for parameter in net.parameters}) == 2


def in_a_graph(net):
    return tf.function(lambda x: net.run({net.inputs[0]: x})[net.outputs()[0]], autograph=False)


def test_no_variable_has_a_name_that_pytorch_does_not_take():
    text = (
        NET
        + """layer { name: "ip.1" type: "InnerProduct" bottom: "z" top: "v" inner_product_param { num_output: 2 } }
        layer { name: ".2" type: "InnerProduct" bottom: "v" top: "u" inner_product_param { num_output: 2 } }"""
    )
    net = build(net_def(parse_net(text), "TEST"), portable=True)
    paths = [variable.path for variable in net.model().variables]
    assert len(set(paths)) == 4 and not [path for path in paths if "." in path]
